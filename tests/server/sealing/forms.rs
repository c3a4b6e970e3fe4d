//! The four forms of a master key, each followed by the next.

use std::path::Path;
use std::process::Command;

use super::{OTHER, figures, of_file, run_with, with_secrets, write};
use crate::harness::{Database, Process, World, free_ports};

/// A key management service of three lines: it turns letters, and counts how often it is asked.
pub(super) const KMS: &str = r#"#!/bin/sh
echo "$1 $2 $3" >> "$(dirname "$0")/asked"
read key
case $2 in
  wrap) echo "v1:$key" | tr 'A-Za-z' 'N-ZA-Mn-za-m' ;;
  unwrap) echo "$key" | tr 'A-Za-z' 'N-ZA-Mn-za-m' | cut -c4- ;;
esac
"#;

/// A token of SoftHSM; the answer is the lines of `[hsm]`, and the variable that its library reads.
pub(super) fn token(world: &World) -> (String, (&'static str, String)) {
    let module = "/usr/lib/softhsm/libsofthsm2.so";
    assert!(Path::new(module).exists(), "install the package softhsm2");
    let folder = world.file("tokens");
    std::fs::create_dir_all(&folder).unwrap();
    let text = format!("directories.tokendir = {}\nobjectstore.backend = file\n", folder.display());
    let conf = write(world, "softhsm2.conf", &text, 0o600).to_string_lossy().into_owned();
    let pin = write(world, "pin", "4711", 0o600);
    let arguments = ["--init-token", "--free", "--label", "hilum", "--so-pin", "0815", "--pin", "4711"];
    let made = Command::new("softhsm2-util").args(arguments).env("SOFTHSM2_CONF", &conf).output();
    assert!(made.expect("install the package softhsm2").status.success());
    let pin = pin.display();
    let lines = format!("[hsm]\nmodule_file = \"{module}\"\ntoken = \"hilum\"\npin_file = \"{pin}\"");
    (lines, ("SOFTHSM2_CONF", conf))
}

#[tokio::test]
async fn o06_a_master_key_of_each_form_seals_opens_and_is_followed_by_the_next() {
    let world = World::configured(0, "", Database::url).await;
    world.command(&["keys", "rotate", "--now"], "").expect_success();
    let kms = write(&world, "kms", KMS, 0o700).to_string_lossy().into_owned();
    write(&world, "new.key", OTHER, 0o600);
    let (hsm, conf) = token(&world);
    let variable = |name: &str| (name.to_owned(), format!("b{}", &OTHER[1..]));
    let old = world.file("master.key");
    // Each form: its line, its line once it is a former one, and its variables.
    let command = format!("[\"{kms}\", \"key-7\"]");
    let forms = [
        (
            of_file(&world, "master_key_file", "master.key"),
            format!("former_master_key_files = \"{}\"", old.display()),
        ),
        (format!("master_key_command = {command}"), format!("former_master_key_commands = [{command}]")),
        (String::new(), String::new()),
        ("master_key_token = \"seal\"".to_owned(), "former_master_key_tokens = [\"seal\"]".to_owned()),
        (of_file(&world, "master_key_file", "new.key"), String::new()),
    ];
    let given = |at: usize, name: &'static str| {
        let (_, text) = variable(name);
        let mut all = vec![conf.clone()];
        all.extend((at == 2).then_some((name, text)));
        all
    };
    for at in 1..forms.len() {
        let (line, former) = (&forms[at].0, &forms[at - 1].1);
        let both = with_secrets(&world, "both.toml", &format!("{line}\n{former}\n{hsm}"));
        let alone = with_secrets(&world, "alone.toml", &format!("{line}\n{hsm}"));
        let before = with_secrets(&world, "before.toml", &format!("{}\n{hsm}", forms[at - 1].0));
        let (mut variables, only) =
            (given(at, "HILUM_SECRETS__MASTER_KEY"), given(at, "HILUM_SECRETS__MASTER_KEY"));
        variables.extend(given(at - 1, "HILUM_SECRETS__FORMER_MASTER_KEYS").into_iter().skip(1));
        let rewrap: (&[&str], _) = (&["keys", "rewrap", "--json"], variables.as_slice());
        let printed = run_with(&world, &both, rewrap).await.expect_success();
        assert_eq!(figures(&printed, "server_secret"), (1, 0, 0, 0), "{at}: {printed}");
        assert_eq!(figures(&printed, "signing_key"), (3, 0, 0, 0), "{at}: {printed}");
        let again = run_with(&world, &both, rewrap).await.expect_success();
        assert_eq!(figures(&again, "signing_key"), (0, 3, 0, 0), "{at}: {again}");
        let list: &[&str] = &["keys", "list"];
        run_with(&world, &alone, (list, &only)).await.expect_success();
        // The one before opens nothing any more, and says so without a word of any key.
        let gone = run_with(&world, &before, (list, &given(at - 1, "HILUM_SECRETS__MASTER_KEY"))).await;
        let told = gone.complaint();
        assert_eq!(gone.code(), Some(1), "{at}");
        assert!(told.contains("server_secret/sealed/root") && told.contains("[secrets]"), "{told}");
        assert!(!told.contains(&OTHER[1..20]), "{told}");
    }
    let asked = std::fs::read_to_string(world.file("asked")).unwrap();
    assert!(asked.lines().any(|line| line == "key-7 wrap server_secret/sealed/root"), "{asked}");
    let alone = world.file("alone.toml");
    let (log, variables) = (world.file("last.log"), [("DATABASE_URL", world.database.url()), conf]);
    Process::serve(&alone, free_ports(), &log, &variables).await;
}
