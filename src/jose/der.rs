//! As much of DER as it takes to find the numbers of an RSA key (RFC 5958; RFC 8017, A.1.2).

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// The nine numbers of an RSA private key out of PKCS#8: version, n, e, d, p, q, dp, dq, qi,
/// each without leading zero bytes.
pub(super) fn rsa_numbers(pkcs8: &[u8]) -> Option<[&[u8]; 9]> {
    let (info, _) = take(pkcs8, SEQUENCE)?;
    let (_version, info) = take(info, INTEGER)?;
    let (_algorithm, info) = take(info, SEQUENCE)?;
    let (key, _attributes) = take(info, OCTET_STRING)?;
    let (mut rest, _) = take(key, SEQUENCE)?;
    let mut numbers: [&[u8]; 9] = [&[]; 9];
    for number in &mut numbers {
        let (value, after) = take(rest, INTEGER)?;
        *number = shortest(value);
        rest = after;
    }
    Some(numbers)
}

/// The content of the first element, if it has this tag, and what follows it.
fn take(input: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, input) = input.split_first()?;
    let (first, input) = input.split_first()?;
    let (length, input) = if *first < 0x80 {
        (usize::from(*first), input)
    } else {
        let (digits, input) = input.split_at_checked(usize::from(first & 0x7f))?;
        let length = (1..=4).contains(&digits.len()).then(|| big_endian(digits))?;
        (length, input)
    };
    (*found == tag).then(|| input.split_at_checked(length))?
}

/// At most four digits, so that nothing is shifted out.
fn big_endian(digits: &[u8]) -> usize {
    digits.iter().fold(0, |sum, digit| (sum << 8) | usize::from(*digit))
}

fn shortest(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_taken_within_their_bounds() {
        assert_eq!(take(&[2, 1, 7, 9], INTEGER), Some((&[7][..], &[9][..])));
        assert_eq!(take(&[2, 0x81, 1, 7], INTEGER), Some((&[7][..], &[][..])));
        for bad in [
            &[][..],
            &[2],
            &[2, 2, 7],
            &[4, 1, 7],
            &[2, 0x80, 7],
            &[2, 0x85, 0, 0, 0, 0, 1, 7],
            &[2, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[2, 0x82, 1],
        ] {
            assert_eq!(take(bad, INTEGER), None, "{bad:?}");
        }
    }
}
