//! Reading the members of a JSON object one by one, collecting everything that is wrong with them.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::error::FieldProblem;

/// The longest text a member may hold, in bytes.
const LONGEST: usize = 65_536;
/// The most items a list may hold.
const MOST: usize = 200;

/// A reader of one JSON object: every member must be asked for, the others are refused.
pub struct Fields<'a> {
    object: &'a Map<String, Value>,
    asked: BTreeSet<&'static str>,
    problems: Vec<FieldProblem>,
}

impl<'a> Fields<'a> {
    /// Begins to read an object.
    #[must_use]
    pub const fn of(object: &'a Map<String, Value>) -> Self {
        Self { object, asked: BTreeSet::new(), problems: Vec::new() }
    }

    /// Notes what is wrong with a member.
    pub fn problem(&mut self, field: impl Into<String>, says: impl Into<String>) {
        self.problems.push(FieldProblem { field: field.into(), says: says.into() });
    }

    /// The member as it stands; `null` counts as absent.
    pub fn value(&mut self, name: &'static str) -> Option<&'a Value> {
        self.asked.insert(name);
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// A member that must be a text without control characters.
    pub fn text(&mut self, name: &'static str) -> Option<&'a str> {
        let value = self.value(name)?;
        let text = value.as_str().filter(|text| is_plain(text));
        if text.is_none() {
            self.problem(name, "must be a text that is not empty and has no control characters");
        }
        text
    }

    /// A text that `read` turns into a type; its error is the member's problem.
    pub fn parsed<T, E: ToString>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(name)?;
        read(text).map_err(|error| self.problem(name, error.to_string())).ok()
    }

    /// A member that must be `true` or `false`; absent is `false`.
    pub fn flag(&mut self, name: &'static str) -> bool {
        let Some(value) = self.value(name) else { return false };
        value.as_bool().unwrap_or_else(|| {
            self.problem(name, "must be true or false");
            false
        })
    }

    /// A whole number within bounds.
    pub fn number(&mut self, name: &'static str, bounds: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let value = self.value(name)?;
        let number = value.as_i64().filter(|number| bounds.contains(number));
        if number.is_none() {
            self.problem(name, format!("must be a whole number from {} to {}", bounds.start(), bounds.end()));
        }
        number
    }

    /// A list of texts, each turned into a type and none twice; an absent member is an empty list.
    pub fn list<T: PartialEq, E: ToString>(
        &mut self,
        name: &'static str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let Some(value) = self.value(name) else { return Vec::new() };
        let Some(items) = value.as_array().filter(|items| items.len() <= MOST) else {
            self.problem(name, format!("must be a list of at most {MOST} texts"));
            return Vec::new();
        };
        let mut found: Vec<T> = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let item = item.as_str().filter(|text| is_plain(text)).ok_or_else(|| "must be a text".to_owned());
            match item.and_then(|text| read(text).map_err(|error| error.to_string())) {
                Ok(item) if found.contains(&item) => {
                    self.problem(format!("{name}[{index}]"), "stands in the list twice");
                }
                Ok(item) => found.push(item),
                Err(says) => self.problem(format!("{name}[{index}]"), says),
            }
        }
        found
    }

    /// A list of objects, each read member by member, at most so many; an absent member is an empty list. What is
    /// wrong inside is named by its path.
    pub fn objects<T>(
        &mut self,
        name: &'static str,
        most: usize,
        read: impl Fn(&mut Self) -> Option<T>,
    ) -> Vec<T> {
        let Some(value) = self.value(name) else { return Vec::new() };
        let Some(items) = value.as_array().filter(|items| items.len() <= most) else {
            self.problem(name, format!("must be a list of at most {most} objects"));
            return Vec::new();
        };
        let mut found = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let Some(object) = item.as_object() else {
                self.problem(format!("{name}[{index}]"), "must be an object");
                continue;
            };
            let mut fields = Fields::of(object);
            found.extend(read(&mut fields));
            for FieldProblem { field, says } in fields.finish() {
                self.problem(format!("{name}[{index}].{field}"), says);
            }
        }
        found
    }

    /// Ends the reading: members nobody asked for are problems too.
    #[must_use]
    pub fn finish(mut self) -> Vec<FieldProblem> {
        for name in self.object.keys() {
            if !self.asked.contains(name.as_str()) {
                let says = "is not a member that is known here; members the server sets cannot be sent";
                self.problems.push(FieldProblem { field: name.clone(), says: says.to_owned() });
            }
        }
        self.problems
    }
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let object = json!({"a": 1, "b": ["x", 2, "x"], "c": "no", "n": 7, "odd": true});
        let mut fields = Fields::of(object.as_object().unwrap());
        assert_eq!(fields.text("a"), None);
        assert_eq!(fields.list("b", |text| Ok::<_, String>(text.to_owned())), ["x"]);
        assert!(!fields.flag("c"));
        assert_eq!(fields.number("n", 1..=5), None);
        let named: Vec<String> = fields.finish().into_iter().map(|problem| problem.field).collect();
        assert_eq!(named, ["a", "b[1]", "b[2]", "c", "n", "odd"]);
    }

    #[test]
    fn what_is_wrong_inside_a_list_of_objects_is_named_by_its_path() {
        let object = json!({"all": [{"x": "a"}, 7, {"x": 1, "in": [{"y": 2}], "odd": 1}], "many": [{}, {}]});
        let mut fields = Fields::of(object.as_object().unwrap());
        let read = |fields: &mut Fields<'_>| {
            fields.objects("in", 9, |inner| inner.text("y").map(str::to_owned));
            fields.text("x").map(str::to_owned)
        };
        assert_eq!(fields.objects("all", 3, read), ["a"]);
        assert!(
            fields.objects("many", 1, |_| Some(())).is_empty()
                && fields.objects("none", 1, |_| Some(())).is_empty()
        );
        let named: Vec<String> = fields.finish().into_iter().map(|problem| problem.field).collect();
        assert_eq!(named, ["all[1]", "all[2].in[0].y", "all[2].x", "all[2].odd", "many"]);
    }
}
