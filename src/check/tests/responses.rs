//! Bodies of `POST /v1/responses`.

use super::*;

fn judged<M: ModelResolver + ?Sized>(resolver: &M, members: &str) -> String {
    let input = if members.contains("\"input\"") { "" } else { r#""input":"hi","# };
    let body = format!("{{\"model\":\"m\",{input}{members}}}");
    match request::<api::responses::Request<'_>, _>(body.as_bytes(), resolver) {
        Ok(_) => "good".to_owned(),
        Err(error) => error.message().to_owned(),
    }
}

/// The types of items and tools are not all listed: one that is not may have any members.
#[test]
fn members_of_other_items_may_be_anything() {
    for resolver in [&LIVE, &SCHEMA] {
        for members in [
            r#""input":[{"type":"tool_search_call","call_id":7,"status":{},"name":null}]"#,
            r#""input":[{"type":"web_search_call","id":"ws_1","output":{"a":1},"summary":"s"}]"#,
            r#""tools":[{"type":"x","name":["n"],"strict":"yes","tools":{}}]"#,
        ] {
            assert_eq!(judged(resolver, members), "good", "{members}");
        }
    }
}

#[test]
fn a_shell_may_run_anywhere() {
    for environment in [
        "",
        r#","environment":null"#,
        r#","environment":{"type":"container_reference","container_id":"cntr_1"}"#,
        r#","environment":{"type":"container_auto","skills":null,"network_policy":null}"#,
        r#","environment":{"type":"container_auto","skills":[{"type":"skill_reference","skill_id":"s"}]}"#,
        r#","environment":{"type":"local","skills":[{"name":"n","description":"d","path":"p"}]}"#,
    ] {
        let members = format!(r#""tools":[{{"type":"shell"{environment}}}]"#);
        for resolver in [&LIVE, &SCHEMA] {
            assert_eq!(judged(resolver, &members), "good", "{members}");
        }
    }
}

#[test]
fn types_within_known_items_are_reported() {
    for (members, want) in [
        (
            r#""input":[{"role":"user","content":[{"type":"input_image","image_url":{"url":"https://x/y"}}]}]"#,
            "Invalid type for 'input[0].content[0].image_url': expected an image URL, but got an object instead.",
        ),
        (
            r#""input":[{"role":"user","content":[{"type":"input_text","text":7}]}]"#,
            "Invalid type for 'input[0].content[0].text': expected a string, but got an integer instead.",
        ),
        (
            r#""input":[{"type":"item_reference","id":[1]}]"#,
            "Invalid type for 'input[0].id': expected a string, but got an array instead.",
        ),
        (
            r#""tool_choice":{"type":"custom","name":null}"#,
            "Invalid type for 'tool_choice.name': expected a string, but got null instead.",
        ),
        (
            r#""tool_choice":{"type":"allowed_tools","mode":"auto","tools":null}"#,
            "Invalid type for 'tool_choice.tools': expected an array of objects, but got null instead.",
        ),
        (r#""tool_choice":{"type":"function"}"#, "Missing required parameter: 'tool_choice.name'."),
        (
            r#""tools":[{"type":"shell","environment":{"type":"local","skills":[{"name":null}]}}]"#,
            "Invalid type for 'tools[0].environment.skills[0].name': expected a string, but got null instead.",
        ),
        (
            r#""tools":[{"type":"shell","environment":{"type":"container_auto","skills":[{"type":"inline","name":null}]}}]"#,
            "Invalid type for 'tools[0].environment.skills[0].name': expected a string, but got null instead.",
        ),
        (
            r#""tools":[{"type":"shell","environment":{"type":"container_auto","network_policy":{"type":"allowlist","allowed_domains":["a"],"domain_secrets":[{"domain":"a"}]}}}]"#,
            "Missing required parameter: 'tools[0].environment.network_policy.domain_secrets[0].name'.",
        ),
        (
            r#""tools":[{"type":"namespace","name":"n","tools":null}]"#,
            "Invalid type for 'tools[0].tools': expected an array of objects, but got null instead.",
        ),
    ] {
        assert_eq!(judged(&LIVE, members), want);
    }
}

/// A response repeats them, so that each must be one that the document has.
#[test]
fn repeated_parameters_have_documented_values() {
    let too_long = format!(r#""safety_identifier":"{}""#, "s".repeat(65));
    for resolver in [&LIVE, &SCHEMA] {
        for members in [
            r#""reasoning":{"effort":"x"}"#,
            r#""reasoning":{"context":"x"}"#,
            r#""service_tier":"x""#,
            r#""prompt_cache_retention":"x""#,
            r#""tool_choice":{"type":"mcp"}"#,
            &too_long,
        ] {
            assert_ne!(judged(resolver, members), "good", "{members}");
        }
        for members in [
            r#""reasoning":{"effort":"max","context":"all_turns","mode":"pro"}"#,
            r#""service_tier":"ultrafast""#,
            r#""prompt_cache_retention":"24h""#,
            r#""tool_choice":{"type":"mcp","server_label":"l","name":null}"#,
        ] {
            assert_eq!(judged(resolver, members), "good", "{members}");
        }
    }
}

/// The wire type takes anything for these members.
#[test]
fn the_mode_types_checks_every_documented_type() {
    let types = Open(Validation::Types, UnknownParams::Pass);
    for name in [
        "instructions",
        "conversation",
        "metadata",
        "prompt_cache_options",
        "prompt",
        "moderation",
        "client_metadata",
    ] {
        let judged = judged(&types, &format!("\"{name}\":7"));
        assert!(judged.starts_with(&format!("Invalid type for '{name}'")), "{judged}");
    }
}

/// Of several members of one name the last counts, whichever pass reads them.
#[test]
fn an_earlier_member_of_the_same_name_is_not_judged() {
    for members in [r#""temperature":9,"temperature":1"#, r#""input":[{"content":1}],"input":"hi""#] {
        for mode in [Validation::Live, Validation::Schema, Validation::Types] {
            assert_eq!(judged(&Open(mode, UnknownParams::Pass), members), "good", "{members} {mode:?}");
        }
    }
    let chat = body("m", r#""messages":[{"role":"user","content":null,"content":"hi"}]"#);
    assert!(request::<Chat<'_>, _>(chat.as_bytes(), &LIVE).is_ok());
    // A content that is absent is a fault of the schema alone.
    let chat = body("m", r#""messages":[{"role":"user"}],"messages":[{"role":"user","content":"hi"}]"#);
    for mode in [Validation::Live, Validation::Schema, Validation::Types] {
        assert!(
            request::<Chat<'_>, _>(chat.as_bytes(), &Open(mode, UnknownParams::Pass)).is_ok(),
            "{mode:?}"
        );
    }
}
