//! The little of DER that revocation lists and OCSP answers need besides their types: elements as they are written,
//! since what is signed are bytes.

use x509_cert::der::asn1::AnyRef;
use x509_cert::der::{Decode, Reader, SliceReader, Tag, Tagged};

/// What is left to read of the content of an element.
#[derive(Clone, Copy)]
pub(super) struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// The elements of a SEQUENCE, which is all there is.
    pub(super) fn of(sequence: &'a [u8]) -> Option<Self> {
        Some(Self(content(sequence, Tag::Sequence)?))
    }

    /// The elements of a content.
    pub(super) const fn within(content: &'a [u8]) -> Self {
        Self(content)
    }

    /// Whether nothing is left.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element, header and content.
    pub(super) fn next(&mut self) -> Option<&'a [u8]> {
        let mut reader = SliceReader::new(self.0).ok()?;
        let element = reader.tlv_bytes().ok()?;
        self.0 = reader.read_slice(reader.remaining_len()).ok()?;
        Some(element)
    }

    /// The next element if its first octet is this one.
    pub(super) fn next_if(&mut self, identifier: u8) -> Option<&'a [u8]> {
        if self.0.first() == Some(&identifier) { self.next() } else { None }
    }

    /// The next element, read as a type.
    pub(super) fn read<T: Decode<'a>>(&mut self) -> Option<T> {
        T::from_der(self.next()?).ok()
    }
}

/// The content of one element of a kind, with nothing after it.
pub(super) fn content(element: &[u8], tag: Tag) -> Option<&[u8]> {
    let any = AnyRef::from_der(element).ok()?;
    (any.tag() == tag).then(|| any.value())
}

/// The content of one element whatever its kind.
pub(super) fn inside(element: &[u8]) -> Option<&[u8]> {
    AnyRef::from_der(element).ok().map(AnyRef::value)
}
