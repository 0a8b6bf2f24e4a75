//! The configurations and settings in the documentation are valid.

use portcullis::config::Config;

/// The JSON blocks of a page.
fn examples(page: &str) -> Vec<&str> {
    page.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn every_example_of_forwarding_is_a_valid_configuration() {
    let examples = examples(include_str!("../docs/forwarding.md"));
    assert!(!examples.is_empty());
    for example in examples {
        let mut vars = vec![("PORTCULLIS_CONFIG".to_owned(), example.to_owned())];
        vars.extend(
            ["OPENAI_KEY", "AZURE_KEY", "ANTHROPIC_KEY", "CI_KEY"].map(|n| (n.to_owned(), "sk-x".to_owned())),
        );
        Config::from_vars(&vars).unwrap_or_else(|error| panic!("{error}:\n{example}"));
    }
}

#[test]
fn every_example_of_the_cache_is_a_valid_configuration() {
    for example in examples(include_str!("../docs/cache.md")) {
        let vars = [("PORTCULLIS_CONFIG", example), ("OPENAI_KEY", "sk-x"), ("STORE_KEY", "user:password")];
        let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Config::from_vars(&vars).unwrap_or_else(|error| panic!("{error}:\n{example}"));
    }
}

#[test]
fn every_example_of_limits_is_a_valid_configuration() {
    let examples = examples(include_str!("../docs/limits.md"));
    assert!(examples.len() >= 4);
    for example in examples {
        let mut vars = vec![("PORTCULLIS_CONFIG".to_owned(), example.to_owned())];
        let names =
            ["OPENAI_KEY", "CI_KEY", "LEAD_KEY", "ANA_KEY"].map(|n| (n.to_owned(), "sk-x".to_owned()));
        vars.extend(names);
        vars.push(("STORE_KEY".to_owned(), "user:password".to_owned()));
        match Config::from_vars(&vars) {
            // Only this flavour has an interface to Redis.
            Err(error) if example.contains(r#""redis""#) && !cfg!(feature = "spin") => {
                assert!(error.to_string().contains("portcullis-spin.wasm"), "{error}:\n{example}");
            }
            outcome => drop(outcome.unwrap_or_else(|error| panic!("{error}:\n{example}"))),
        }
    }
}

#[test]
fn every_example_of_the_engine_is_a_valid_configuration() {
    let page = include_str!("../docs/engine.md");
    for example in examples(page).into_iter().chain([include_str!("../examples/agent-rules.json")]) {
        let vars = [("PORTCULLIS_CONFIG".to_owned(), example.to_owned())];
        Config::from_vars(&vars).unwrap_or_else(|error| panic!("{error}:\n{example}"));
    }
}

/// A file of the repository, by its path from the root.
fn page(path: &str) -> String {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names in a text that begin with `prefix`, without it.
fn names<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(prefix).skip(1).filter_map(|rest| {
        let name = rest.split(|c: char| !c.is_ascii_uppercase() && c != '_').next().unwrap_or_default();
        // `PORTCULLIS_*` and `PORTCULLIS_…` mean all settings.
        (!name.is_empty()).then_some(name)
    })
}

#[test]
fn every_documented_setting_exists() {
    // A variable that Kubernetes derives from a Service's name; the docs warn of it.
    const NONE_OF_OURS: [&str; 1] = ["PORT"];
    let pages = [
        "README.md",
        "CONTRIBUTING.md",
        "docs/engine.md",
        "docs/forwarding.md",
        "docs/limits.md",
        "deploy/kubernetes/redis.yaml",
        "spin.toml",
        "deploy/README.md",
        "deploy/kubernetes/Dockerfile",
        "deploy/kubernetes/portcullis.yaml",
        "deploy/spinkube/spinapp.yaml",
        "deploy/wasmcloud/wash-dev.yaml",
        "deploy/wasmcloud/workload.yaml",
    ];
    let mut seen = 0;
    for path in pages {
        let text = page(path);
        for name in names(&text, "PORTCULLIS_").filter(|name| !NONE_OF_OURS.contains(name)) {
            seen += 1;
            let name = format!("PORTCULLIS_{name}");
            assert!(portcullis::config::NAMES.contains(&&*name), "{path} has {name}, which is not a setting");
        }
    }
    assert!(seen > 30, "the pages are read: {seen}");
    let readme = page("README.md");
    for name in portcullis::config::NAMES {
        assert!(readme.contains(&format!("| `{name}` |")), "README's table has no {name}");
    }
}

#[test]
fn spin_variables_match_the_settings() {
    let manifest = page("spin.toml");
    let table = |header: &str| -> Vec<String> {
        let rest = manifest.split(header).nth(1).unwrap_or_else(|| panic!("spin.toml has {header}"));
        let lines = rest.split("\n[").next().unwrap_or_default().lines();
        lines.filter_map(|line| Some(line.split_once(" = ")?.0.to_owned())).collect()
    };
    let settings: Vec<_> = portcullis::config::NAMES
        .iter()
        .map(|name| name["PORTCULLIS_".len()..].to_ascii_lowercase())
        .collect();
    assert_eq!(table("[component.portcullis.variables]\n"), settings);
    // The variable that only the manifest needs is the last one.
    let declared = [settings, vec!["upstream_host".to_owned(), "store_host".to_owned()]].concat();
    assert_eq!(table("[variables]\n"), declared);
    for path in ["README.md", "deploy/README.md", "deploy/spinkube/spinapp.yaml", "spin.toml"] {
        for name in names(&page(path), "SPIN_VARIABLE_") {
            let known = name == "NAME" || declared.contains(&name.to_ascii_lowercase());
            assert!(known, "{path} has SPIN_VARIABLE_{name}, which spin.toml does not declare");
        }
    }
    let app = page("deploy/spinkube/spinapp.yaml");
    let given =
        app.split("variables:").nth(1).and_then(|rest| rest.split("checks:").next()).unwrap_or_default();
    let given: Vec<_> = given.lines().filter_map(|line| line.trim().strip_prefix("- name: ")).collect();
    assert!(given.len() > 2, "spinapp.yaml sets variables");
    for name in given {
        assert!(
            declared.iter().any(|known| known == name),
            "spinapp.yaml sets {name}, which is not a variable"
        );
    }
}
