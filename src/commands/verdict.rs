//! What would become of a request, laid out for a terminal of 80 columns.

use std::fmt::Write;
use std::io::IsTerminal;

use crate::admin::explain::Explained;
use crate::config;
use crate::policy::{Fate, Way};
use crate::scope::explain as meaning;
use crate::scope::token::ScopeToken;

/// How wide a line may be.
const WIDTH: usize = 80;
/// How wide the column of what was asked may be; what is longer has a line of its own.
const MOST_ASKED: usize = 30;

/// Whether there is colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Text alone.
    Plain,
    /// With the colours of a terminal.
    Colour,
}

/// A colour, by what it says.
#[derive(Clone, Copy)]
enum Tone {
    Good,
    Partly,
    Bad,
    Quiet,
    Strong,
}

impl Ink {
    /// Colour on a terminal alone, and not where the person wants none (no-color.org).
    #[must_use]
    pub fn of_output() -> Self {
        if std::io::stdout().is_terminal() && config::may_colour() { Self::Colour } else { Self::Plain }
    }

    fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => 32,
            Tone::Partly => 33,
            Tone::Bad => 31,
            Tone::Quiet => 2,
            Tone::Strong => 1,
        };
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }
}

/// The whole answer: the summary first, then each scope, then what else is to be known.
#[must_use]
pub fn tell(explained: &Explained, ink: Ink) -> String {
    // What came before the rules is told once, above the scopes.
    let told = explained.refusal.as_ref().filter(|_| explained.rules.is_empty()).map(|refused| refused.rule);
    let mut page = Page { ink, told, text: String::new() };
    page.summary(explained);
    let asked =
        explained.ways.iter().map(|way| length(way.asked.as_str())).filter(|&wide| wide <= MOST_ASKED);
    let column = asked.max().unwrap_or(0).max(9);
    page.line("");
    for way in &explained.ways {
        page.way(way, column);
    }
    page.rest(explained, column);
    page.text.trim_end().to_owned()
}

/// A page that is being written.
struct Page {
    ink: Ink,
    /// The rule whose refusal the summary has told.
    told: Option<&'static str>,
    text: String,
}

impl Page {
    fn line(&mut self, text: &str) {
        // Writing to a text cannot fail.
        let _ = writeln!(self.text, "{text}");
    }

    fn summary(&mut self, explained: &Explained) {
        let Explained { client, user, resource, refusal, ways, .. } = explained;
        let name = &client.metadata.client_name;
        let whom = match (user, explained.grant_type) {
            (Some(user), _) => format!(", acting for {}", user.username),
            (None, "client_credentials") => ", acting for itself".to_owned(),
            (None, _) => ", acting for whoever signs in".to_owned(),
        };
        let place = resource.as_ref().map(|resource| format!(" at {}", resource.title)).unwrap_or_default();
        let count = |fate| ways.iter().filter(|way| way.fate == fate).count();
        let (granted, narrowed, dropped) =
            (count(Fate::Granted), count(Fate::Narrowed), count(Fate::Dropped));
        let (mark, says) = match explained.outcome() {
            "granted" => (Mark::of(Fate::Granted), format!("{name} gets all it asks for{whom}{place}.")),
            "refused" => (
                Mark::of(Fate::Dropped),
                format!("{name} gets nothing{whom}{place}: the request is refused."),
            ),
            _ => {
                let counts = format!("{granted} granted, {narrowed} narrowed, {dropped} dropped");
                (
                    Mark::of(Fate::Narrowed),
                    format!("{name} gets a part of what it asks for{whom}{place}: {counts}."),
                )
            }
        };
        self.block((mark.sign, mark.tone), 2, &says, Tone::Strong);
        if let Some(refused) = refusal {
            let says =
                format!("{}: {}. [{}]", refused.refusal.code().word(), refused.refusal.told(), refused.rule);
            self.block(("", Tone::Bad), 2, &says, Tone::Bad);
            if let Some(advice) = &refused.advice {
                self.block(("", Tone::Quiet), 2, &format!("→ {advice}"), Tone::Strong);
            }
        }
    }

    /// One scope: its mark, what was asked, and beside it what came of it.
    fn way(&mut self, way: &Way, column: usize) {
        let mark = Mark::of(way.fate);
        let asked = way.asked.as_str();
        let mut beside: Vec<(Tone, String)> = Vec::new();
        match way.fate {
            Fate::Granted if way.granted.iter().all(|token| *token == way.asked) => {
                beside.extend(way.granted.iter().map(|token| (Tone::Quiet, detail(token))));
            }
            Fate::Granted | Fate::Narrowed => {
                for token in &way.granted {
                    beside.push((Tone::Good, format!("= {token}")));
                    beside.push((Tone::Quiet, detail(token)));
                }
            }
            Fate::Dropped => {}
        }
        if way.fate != Fate::Granted && self.told != Some(way.rule) {
            beside.push((mark.tone, format!("{} [{}]", way.because, way.rule)));
        }
        beside.extend(way.advice.iter().map(|advice| (Tone::Strong, format!("→ {advice}"))));
        let indent = column + 6;
        let mut lines: Vec<(Tone, String)> = Vec::new();
        for (tone, text) in beside {
            lines.extend(wrapped(&text, WIDTH.saturating_sub(indent)).into_iter().map(|line| (tone, line)));
        }
        let mut lines = lines.into_iter();
        let sign = self.ink.paint(mark.tone, mark.sign);
        if length(asked) <= column {
            let (tone, first) = lines.next().unwrap_or((Tone::Quiet, String::new()));
            let first = self.ink.paint(tone, &first);
            self.line(format!("  {sign} {asked:<column$}  {first}").trim_end());
        } else {
            let mut sign = sign;
            for part in wrapped(asked, WIDTH - 4) {
                self.line(&format!("  {sign} {part}"));
                " ".clone_into(&mut sign);
            }
        }
        for (tone, line) in lines {
            let line = self.ink.paint(tone, &line);
            self.line(&format!("{:indent$}{line}", ""));
        }
    }

    /// What else is to be known, below the scopes.
    fn rest(&mut self, explained: &Explained, column: usize) {
        let Explained { consent, token, context, rules, .. } = explained;
        let mut rows: Vec<(&str, String)> = Vec::new();
        if let Some(consent) = consent {
            let mut says = consent.because.clone();
            if let Some(at) = consent.given_at {
                let _ = write!(says, " The last time was on {}.", at.date());
            }
            if consent.given_at.is_some() && !consent.new.is_empty() {
                let new: Vec<&str> = consent.new.iter().map(ScopeToken::as_str).collect();
                let _ = write!(says, " New to them: {}.", new.join(" "));
            }
            rows.push((if consent.asked { "asked" } else { "not asked" }, says));
        }
        if let Some(token) = token {
            let mut says = format!("{} seconds, {}", token.expires_in, token.format);
            match token.bound {
                Some("key") => says.push_str(", bound to the client's key: only with a DPoP proof"),
                Some(_) => {
                    says.push_str(
                        ", bound to the client's certificate: only at the mutual-TLS token endpoint",
                    );
                }
                None => {}
            }
            says.push_str(match token.refresh {
                Some("session") => "; a refresh token until the session ends",
                Some(_) => "; a refresh token that outlives the session",
                None => "",
            });
            says.push_str(if token.id_token { "; an id token." } else { "." });
            rows.push(("token", says));
        }
        rows.extend(context.iter().map(|need| {
            let open = if need.met == Some(false) { "Missing: " } else { "" };
            ("context", format!("{open}{}", need.says))
        }));
        let asked: Vec<String> = rules
            .iter()
            .filter(|visit| visit.did != "not_reached")
            .map(|visit| match visit.did {
                "passed" => visit.rule.to_owned(),
                did => format!("{} ({did})", visit.rule),
            })
            .collect();
        if !asked.is_empty() {
            rows.push(("rules", format!("{}.", asked.join(", "))));
        }
        self.line("");
        for (name, says) in rows {
            let head = format!("    {name:<column$}");
            self.block((&head, Tone::Quiet), column + 6, &says, Tone::Quiet);
        }
    }

    /// A text behind a head, its further lines indented.
    fn block(&mut self, (head, head_tone): (&str, Tone), indent: usize, text: &str, tone: Tone) {
        let mut head = format!(
            "{}{:pad$}",
            self.ink.paint(head_tone, head),
            "",
            pad = indent.saturating_sub(length(head))
        );
        for line in wrapped(text, WIDTH.saturating_sub(indent)) {
            let line = self.ink.paint(tone, &line);
            self.line(&format!("{head}{line}"));
            head = " ".repeat(indent);
        }
    }
}

/// The mark before a scope.
struct Mark {
    sign: &'static str,
    tone: Tone,
}

impl Mark {
    const fn of(fate: Fate) -> Self {
        match fate {
            Fate::Granted => Self { sign: "✓", tone: Tone::Good },
            Fate::Narrowed => Self { sign: "~", tone: Tone::Partly },
            Fate::Dropped => Self { sign: "✗", tone: Tone::Bad },
        }
    }
}

fn detail(token: &ScopeToken) -> String {
    format!("{}.", meaning(token).detail)
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// The lines of a text, none wider than asked; a word that is wider is cut.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let letters: Vec<char> = word.chars().collect();
        for (at, piece) in letters.chunks(width).enumerate() {
            let room = length(&line) + usize::from(at == 0) + piece.len() <= width;
            if !line.is_empty() && (at > 0 || !room) {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.extend(piece);
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_asked_and_no_letter_is_lost() {
        let text = "one two threefourfivesixseven eight – ninth";
        for width in 1..50 {
            let lines = wrapped(text, width);
            assert!(lines.iter().all(|line| length(line) <= width), "{width}: {lines:?}");
            let letters = |text: &str| text.chars().filter(|letter| *letter != ' ').collect::<String>();
            assert_eq!(letters(&lines.concat()), letters(text), "{width}");
        }
        assert_eq!(wrapped("a b", 3), ["a b"]);
        assert_eq!(wrapped("", 3), [""]);
    }

    #[test]
    fn colour_is_added_and_nothing_else() {
        assert_eq!(Ink::Plain.paint(Tone::Bad, "x"), "x");
        assert_eq!(Ink::Colour.paint(Tone::Bad, "x"), "\u{1b}[31mx\u{1b}[0m");
    }
}
