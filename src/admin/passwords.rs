//! Which passwords will do (NIST SP 800-63B-4, 3.1.1), and the making of new ones.

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;
use zxcvbn::{Score, zxcvbn};

use crate::platform::entropy::{Entropy, EntropyFailed};
use crate::protocol::error::FieldProblem;
use crate::protocol::secret::Secret;

/// The fewest characters of a password that may be the only factor (NIST SP 800-63B-4, 3.1.1.2).
const FEWEST: usize = 15;
/// The most bytes that are hashed.
const MOST_BYTES: usize = 1024;
/// The letters of passwords that are made here: none that are taken for another, five bits each.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// How many letters such a password has: 140 bits.
const LENGTH: usize = 28;
/// How many of them stand together.
const GROUP: usize = 4;

/// Judges a password that somebody chose; `about` is what others know of the person, such as names.
/// The errors say what to do better.
pub fn judge(password: &Secret, about: &[&str]) -> Result<(), Vec<FieldProblem>> {
    let says = weakness(password, about);
    let problem = |says| FieldProblem { field: "password".to_owned(), says };
    if says.is_empty() { Ok(()) } else { Err(says.into_iter().map(problem).collect()) }
}

fn weakness(password: &Secret, about: &[&str]) -> Vec<String> {
    // Read as the hasher reads it; what is far too long is not even looked at.
    let most = MOST_BYTES + 1;
    let text: Zeroizing<String> = Zeroizing::new(password.expose().nfkc().take(most).collect());
    if text.len() > MOST_BYTES || password.expose().len() > MOST_BYTES {
        return vec![format!("must have at most {MOST_BYTES} bytes")];
    }
    let mut says = Vec::new();
    if text.chars().count() < FEWEST {
        says.push(format!(
            "must have at least {FEWEST} characters; a few uncommon words are easy to remember"
        ));
    }
    if text.chars().any(char::is_control) {
        says.push("must have no control characters, which cannot be typed into a form".to_owned());
    }
    if says.is_empty() { guessed(&text, about).into_iter().collect() } else { says }
}

/// Why a password is guessed too easily, and what would be better.
fn guessed(text: &str, about: &[&str]) -> Option<String> {
    let parts = |known: &&str| -> Vec<String> {
        let known = known.nfkc().collect::<String>();
        let words = known.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() > 2);
        words.map(str::to_owned).chain([known.clone()]).collect()
    };
    let known: Vec<String> = about.iter().chain(&["hilum"]).flat_map(parts).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let found = zxcvbn(text, &known);
    if found.score() >= Score::Three {
        return None;
    }
    let better = found.feedback().map(ToString::to_string).unwrap_or_default();
    Some(format!("is guessed too easily. {better}").trim_end().to_owned())
}

/// Makes a password that can be typed: seven groups of four letters and digits.
pub fn make(entropy: &Entropy) -> Result<Secret, EntropyFailed> {
    let bytes: Zeroizing<[u8; LENGTH]> = Zeroizing::new(entropy.bytes()?);
    let letter = |byte: &u8| LETTERS.get(usize::from(byte % 32)).copied().map(char::from);
    let groups: Vec<String> =
        bytes.chunks(GROUP).map(|group| group.iter().filter_map(letter).collect()).collect();
    Ok(Secret::new(groups.join("-")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const ABOUT: [&str; 3] = ["dr.adams", "Dr. Ada Adams", "Mercy Hospital"];

    fn says(password: &str) -> String {
        let problems = judge(&Secret::new(password.to_owned()), &ABOUT).err().unwrap_or_default();
        assert!(problems.iter().all(|problem| problem.field == "password"));
        problems.into_iter().map(|problem| problem.says).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn l13_a_password_that_will_do_is_long_and_not_easily_guessed() {
        for good in ["violet tractor pencil", "tHjw83#kdLq9@xP", "ровный тихий камыш над"]
        {
            assert_eq!(says(good), "", "{good}");
        }
        let long: String =
            (0..128_u32).filter_map(|n| char::from_u32(33 + n * 37 % 90)).collect::<String>().repeat(8);
        assert_eq!((long.len(), says(&long).as_str()), (1024, ""));
    }

    #[test]
    fn l13_what_is_short_long_common_or_about_the_person_is_refused_with_what_to_do() {
        let rows = [
            ("", "at least 15 characters"),
            ("tHjw83#kdLq9@x", "at least 15 characters"),
            // Five characters, fifteen bytes.
            ("\u{6c34}\u{706b}\u{6728}\u{91d1}\u{571f}", "at least 15 characters"),
            ("violet tractor\0pencil", "control characters"),
            ("violet tractor\npencil", "control characters"),
            ("passwordpassword", "guessed too easily"),
            ("aaaaaaaaaaaaaaaaaaaa", "guessed too easily"),
            ("123456789012345678", "guessed too easily"),
            ("qwertyuiopasdfgh", "guessed too easily"),
            ("adamsadamsadams1", "guessed too easily"),
            ("mercy hospital 1", "guessed too easily"),
            ("Dr. Ada Adams 1", "guessed too easily"),
        ];
        for (weak, why) in rows {
            assert!(says(weak).contains(why), "{weak:?}: {}", says(weak));
        }
        for length in [1025, 65_536, 1_048_576] {
            assert_eq!(says(&"ab c1!".repeat(length)[..length]), "must have at most 1024 bytes");
        }
        // One sign of three bytes that stands for eighteen.
        assert_eq!(says(&"\u{fdfa}".repeat(100)), "must have at most 1024 bytes");
    }

    #[test]
    fn nothing_that_is_sent_makes_the_judgement_fail() {
        for odd in ["\u{202e}\u{200b}\u{301}", "\u{1f468}\u{200d}\u{1f469}", "\u{10ffff}", "ﬃ\u{ad}ß\u{130}"]
        {
            for times in [1, 5, 40, 200] {
                says(&odd.repeat(times));
                drop(judge(&Secret::new(odd.repeat(times)), &[odd, "", &odd.repeat(100)]));
            }
        }
    }

    #[test]
    fn a_password_that_is_made_can_be_typed_and_will_do() {
        assert_eq!(LETTERS.iter().collect::<BTreeSet<_>>().len(), 32);
        let entropy = Entropy::seeded(3);
        let mut seen = BTreeSet::new();
        for _ in 0..50 {
            let made = make(&entropy).unwrap();
            let groups: Vec<&str> = made.expose().split('-').collect();
            assert!(groups.len() == 7 && groups.iter().all(|group| group.len() == 4), "{}", made.expose());
            assert!(!made.expose().contains(['0', 'o', '1', 'l']));
            assert!(judge(&made, &ABOUT).is_ok(), "{}", made.expose());
            assert!(seen.insert(made.expose().to_owned()));
        }
    }
}
