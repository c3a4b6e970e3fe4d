//! The house rules that a machine can hold: bands of imports, lengths, forbidden names.

#![expect(clippy::expect_used, reason = "a test says so by failing")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::visit::Visit;

/// The modules in the order of `src/lib.rs`, each with the band it stands in. A module imports only
/// from itself and from what stands above it.
const ORDER: [(&str, Band); 27] = [
    ("moment", Band::Words),
    ("jose", Band::Words),
    ("pki", Band::Words),
    ("scope", Band::Words),
    ("protocol", Band::Words),
    ("model", Band::Records),
    ("config", Band::Ground),
    ("platform", Band::Ground),
    ("store", Band::Ground),
    ("policy", Band::Rules),
    ("ledger", Band::Rules),
    ("keys", Band::Rules),
    ("trust", Band::Rules),
    ("clients", Band::Flows),
    ("sender", Band::Flows),
    ("grants", Band::Flows),
    ("tokens", Band::Flows),
    ("smart", Band::Flows),
    ("authorize", Band::Flows),
    ("oidc", Band::Flows),
    ("discovery", Band::Flows),
    ("ca", Band::Flows),
    ("admin", Band::Flows),
    ("registration", Band::Flows),
    ("enrollment", Band::Flows),
    ("sandbox", Band::Flows),
    ("http", Band::Surface),
];

/// The two imports against the order, each with its reason.
const EXCEPTIONS: [(&str, &str, &str); 0] = [];

/// What the assembly consists of; nothing imports it.
const ASSEMBLY: [&str; 4] = ["jobs", "app", "commands", "main"];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Band {
    Words,
    Records,
    Ground,
    Rules,
    Flows,
    Surface,
}

/// Text that a band must not contain, and why.
const FORBIDDEN: [(Band, &[&str], &str); 6] = [
    (
        Band::Words,
        &["async fn", "sqlx::", "actix", "reqwest", "tokio", "std::fs", "::now("],
        "words are pure",
    ),
    (
        Band::Records,
        &["async fn", "sqlx::", "actix", "reqwest", "tokio", "std::fs", "::now("],
        "records are pure",
    ),
    (Band::Ground, &["actix"], "the ground knows no HTTP framework"),
    (Band::Rules, &["actix"], "rules know no HTTP framework"),
    (Band::Flows, &["actix", "sqlx::"], "flows know neither HTTP framework nor SQL"),
    (Band::Surface, &["sqlx", "crate::store"], "the surface asks flows, not the database"),
];

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a file");
                found.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    walk(Path::new("src"), &mut found);
    found.sort();
    found
}

fn module_of(path: &Path) -> String {
    let first = path.strip_prefix("src").expect("a source").iter().next().expect("a name");
    first.to_string_lossy().trim_end_matches(".rs").to_owned()
}

fn is_test(path: &Path) -> bool {
    path.iter().any(|part| part == "tests" || part == "tests.rs")
}

/// The text without its test module and its comments.
fn code(text: &str) -> String {
    let product = text.split("#[cfg(test)]").next().unwrap_or_default();
    product.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn position(module: &str) -> Option<usize> {
    ORDER.iter().position(|(name, _)| *name == module)
}

#[test]
fn lib_rs_lists_the_modules_in_the_order_of_their_bands() {
    let lib = fs::read_to_string("src/lib.rs").expect("lib.rs");
    let listed: Vec<&str> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let expected: Vec<&str> = ORDER
        .iter()
        .map(|(name, _)| *name)
        .chain(ASSEMBLY.iter().copied().filter(|name| *name != "main"))
        .collect();
    assert_eq!(listed, expected);
    assert!(ORDER.windows(2).all(|pair| pair[0].1 <= pair[1].1), "bands do not mix");
}

#[test]
fn a_module_imports_only_from_those_above_it() {
    let mut wrong = Vec::new();
    for (path, text) in sources().iter().filter(|(path, _)| !is_test(path)) {
        let module = module_of(path);
        let Some(own) = position(&module) else { continue };
        for piece in code(text).split("crate::").skip(1) {
            let imported: String = piece.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let allowed = EXCEPTIONS.iter().any(|(from, to, _)| *from == module && *to == imported);
            match position(&imported) {
                Some(other) if other <= own || allowed => {}
                Some(_) => {
                    wrong.push(format!("{} imports {imported}, which stands below {module}", path.display()));
                }
                None if ASSEMBLY.contains(&imported.as_str()) => {
                    wrong.push(format!("{} imports {imported} of the assembly", path.display()));
                }
                None => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_band_keeps_out_what_is_not_its_own() {
    let mut wrong = Vec::new();
    for (path, text) in sources().iter().filter(|(path, _)| !is_test(path)) {
        let Some((_, band)) = position(&module_of(path)).and_then(|at| ORDER.get(at)) else { continue };
        let text = code(text);
        for (_, words, why) in FORBIDDEN.iter().filter(|(of, _, _)| of == band) {
            wrong.extend(
                words
                    .iter()
                    .filter(|word| text.contains(**word))
                    // The ledger owns the writers' connections, and so names their options.
                    .filter(|_| !path.starts_with("src/ledger"))
                    .map(|word| format!("{}: {word} ({why})", path.display())),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_ledger_begins_transactions_and_only_store_speaks_sql() {
    let mut wrong = Vec::new();
    for (path, text) in sources().iter().filter(|(path, _)| !is_test(path)) {
        let text = code(text);
        let ledger = path.starts_with("src/ledger") || path.ends_with("store/transaction.rs");
        for word in ["transaction::begin", ".begin().await", "\"begin\""] {
            if text.contains(word) && !ledger {
                wrong.push(format!("{} begins a transaction", path.display()));
            }
        }
        for word in ["query!(", "query_as!(", "query_scalar!(", "raw_sql("] {
            if text.contains(word) && !path.starts_with("src/store") {
                wrong.push(format!("{} speaks SQL", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_is_longer_than_400_lines() {
    let long: Vec<String> = sources()
        .iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > 400)
        .map(|(path, lines)| format!("{}: {lines}", path.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[derive(Default)]
struct Functions(Vec<(String, usize)>);

impl Functions {
    fn note(&mut self, name: &syn::Ident, block: &syn::Block) {
        let span = block.span();
        self.0.push((name.to_string(), span.end().line.saturating_sub(span.start().line)));
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.note(&item.sig.ident, &item.block);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.note(&item.sig.ident, &item.block);
        syn::visit::visit_impl_item_fn(self, item);
    }
}

#[test]
fn no_function_is_longer_than_60_lines_and_nine_of_ten_at_most_40() {
    let mut lengths = BTreeMap::new();
    for (path, text) in sources() {
        let mut functions = Functions::default();
        functions.visit_file(&syn::parse_file(&text).expect("Rust"));
        for (name, lines) in functions.0 {
            lengths.insert(format!("{} {name}", path.display()), lines);
        }
    }
    let long: Vec<String> = lengths
        .iter()
        .filter(|(_, lines)| **lines > 60)
        .map(|(name, lines)| format!("{name}: {lines}"))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
    let short = lengths.values().filter(|lines| **lines <= 40).count();
    assert!(short * 10 >= lengths.len() * 9, "{short} of {}", lengths.len());
}

#[test]
fn names_say_what_a_thing_is() {
    let bad = ["util", "utils", "helper", "helpers", "common", "manager", "service", "misc"];
    let wrong: Vec<String> = sources()
        .iter()
        .filter(|(path, _)| {
            path.iter().any(|part| bad.contains(&part.to_string_lossy().trim_end_matches(".rs")))
        })
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The first migration that is held to it: those before were released.
const FIRST_HELD: &str = "0012";

/// Tables that stay small: every row can be read while they are locked.
const SMALL_TABLES: [&str; 3] = ["client", "interaction", "signing_key"];

#[test]
fn no_migration_verifies_a_check_on_a_table_that_may_be_large() {
    let mut wrong = Vec::new();
    for entry in fs::read_dir("migrations").expect("the migrations") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.extension().is_none_or(|kind| kind != "sql") || *name < *FIRST_HELD {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a file");
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("--"));
        let text = lines.collect::<Vec<_>>().join(" ");
        for statement in text.split(';').map(str::trim) {
            let Some(rest) = statement.strip_prefix("alter table ") else { continue };
            let table = rest.split_whitespace().next().unwrap_or_default();
            let checks = rest.matches("check (").count();
            if !SMALL_TABLES.contains(&table) && checks > rest.matches("not valid").count() {
                wrong.push(format!("{name}: {table}"));
            }
        }
    }
    assert!(wrong.is_empty(), "add the check apart from its column, not valid: {}", wrong.join(", "));
}

/// The tests of the OpenID Foundation's modules: the name of each, and the file that it stands in.
fn modules_with_a_test() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("tests/server/conformance").expect("a folder") {
        let path = entry.expect("an entry").path();
        let file = path.file_name().expect("a name").to_string_lossy().into_owned();
        let tree = syn::parse_file(&fs::read_to_string(&path).expect("a file")).expect("Rust");
        let names = tree.items.iter().filter_map(|item| {
            let syn::Item::Fn(item) = item else { return None };
            (!item.attrs.is_empty()).then(|| item.sig.ident.to_string())
        });
        found.extend(names.map(|name| (name, file.clone())));
    }
    found
}

/// The rows of the tables of `docs/conformance.md`: a module, and the files that hold its test.
fn modules_that_are_listed() -> Vec<(String, Vec<String>)> {
    let text = fs::read_to_string("docs/conformance.md").expect("docs/conformance.md");
    let quoted =
        |cell: &str| -> Vec<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.split('|').map(quoted).collect::<Vec<_>>());
    let named = cells.filter_map(|row| match row.as_slice() {
        [_, module, files, ..] => Some((module.first()?.clone(), files.clone())),
        _ => None,
    });
    named.collect()
}

#[test]
fn every_module_of_the_conformance_suite_that_is_listed_has_a_test_of_its_name() {
    let (tests, listed) = (modules_with_a_test(), modules_that_are_listed());
    assert!(listed.len() > 100, "{}: the tables are not read", listed.len());
    let mut wrong = Vec::new();
    for (module, files) in &listed {
        let name = module.replace('-', "_");
        let has = |file: &String| tests.iter().any(|(test, stands_in)| *test == name && stands_in == file);
        if files.is_empty() || !files.iter().all(has) {
            wrong.push(format!("{module} has no test {name} in {files:?}"));
        }
    }
    let is_of_the_suite = |name: &str| ["oidcc_", "fapi2_"].iter().any(|start| name.starts_with(start));
    for (name, file) in tests.iter().filter(|(name, _)| is_of_the_suite(name)) {
        let is_listed = |(module, files): &(String, Vec<String>)| {
            module.replace('-', "_") == *name && files.contains(file)
        };
        if !listed.iter().any(is_listed) {
            wrong.push(format!("docs/conformance.md does not list {name} of {file}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
