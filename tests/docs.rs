//! What the documentation shows is what the gateway takes.

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
