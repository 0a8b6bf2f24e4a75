//! The shapes of the tools that OpenAI's servers run, and of those that the caller runs in a way that its document fixes.
//!
//! Each is as the document of August 2026 has it, at every depth. Members that it does not have are accepted where it
//! leaves an object open.

use crate::check::error_text;
use crate::check::path::Path;
use crate::check::scope::Scope;
use crate::check::shape::{
    Array, Chars, Either, Extra, JsonTypes, Map, Member, Object, Pattern, STRING, Shape, Tagged, objects,
    open, optional, required,
};
use crate::error::ApiError;
use crate::json::Value;

/// The types of tools, and the members of each.
pub(super) static TOOLS: &[(&str, &Object)] = &[
    ("apply_patch", &open(&[ALLOWED_CALLERS])),
    (
        "code_interpreter",
        &open(&[
            required(
                "container",
                &Shape::Either(&Either {
                    noun: "one of a string or object",
                    string: Some(&STRING),
                    array: None,
                    object: Some(&Shape::Tagged(&Tagged {
                        tag: "type",
                        variants: &[("auto", &open(&[FILE_IDS, MEMORY_LIMIT, NETWORK_POLICY]))],
                    })),
                }),
            ),
            ALLOWED_CALLERS,
        ]),
    ),
    ("computer", &open(&[])),
    (
        "computer_use_preview",
        &open(&[
            required("environment", &Shape::OneOf(&["windows", "mac", "linux", "ubuntu", "browser"])),
            required("display_width", &INTEGER),
            required("display_height", &INTEGER),
        ]),
    ),
    (
        "file_search",
        &open(&[
            required("vector_store_ids", &STRINGS),
            optional("max_num_results", &INTEGER),
            optional(
                "ranking_options",
                &Shape::Object(&open(&[
                    optional("ranker", &Shape::OneOf(&["auto", "default-2024-11-15"])),
                    optional("score_threshold", &NUMBER),
                    optional(
                        "hybrid_search",
                        &Shape::Object(&open(&[
                            required("embedding_weight", &NUMBER),
                            required("text_weight", &NUMBER),
                        ])),
                    ),
                ])),
            ),
            optional("filters", &FILTER),
        ]),
    ),
    (
        "image_generation",
        &open(&[
            optional("model", &STRING),
            optional("quality", &Shape::OneOf(&["low", "medium", "high", "auto"])),
            optional("size", &STRING),
            optional("output_format", &Shape::OneOf(&["png", "webp", "jpeg"])),
            optional("output_compression", &Shape::Integer(Some(0), Some(100))),
            optional("moderation", &Shape::OneOf(&["auto", "low"])),
            optional("background", &Shape::OneOf(&["transparent", "opaque", "auto"])),
            optional("input_fidelity", &Shape::OneOf(&["high", "low"])),
            optional(
                "input_image_mask",
                &Shape::Object(&only(&[optional("image_url", &STRING), optional("file_id", &STRING)])),
            ),
            optional("partial_images", &Shape::Integer(Some(0), Some(3))),
            optional("action", &Shape::OneOf(&["generate", "edit", "auto"])),
        ]),
    ),
    ("local_shell", &open(&[])),
    (
        "mcp",
        &open(&[
            required("server_label", &STRING),
            optional("server_url", &STRING),
            optional(
                "connector_id",
                &Shape::OneOf(&[
                    "connector_dropbox",
                    "connector_gmail",
                    "connector_googlecalendar",
                    "connector_googledrive",
                    "connector_microsoftteams",
                    "connector_outlookcalendar",
                    "connector_outlookemail",
                    "connector_sharepoint",
                ]),
            ),
            optional("tunnel_id", &Shape::String(&Chars { min: 0, max: usize::MAX, pattern: Some(&TUNNEL) })),
            optional("authorization", &STRING),
            optional("server_description", &STRING),
            optional(
                "headers",
                &Shape::Map(&Map {
                    noun: "an object",
                    max: usize::MAX,
                    name_max: usize::MAX,
                    value: &STRING,
                }),
            ),
            optional(
                "allowed_tools",
                &Shape::Either(&Either {
                    noun: "one of an array of strings or object",
                    string: None,
                    array: Some(&STRINGS),
                    object: Some(&TOOL_FILTER),
                }),
            ),
            ALLOWED_CALLERS,
            optional(
                "require_approval",
                &Shape::Either(&Either {
                    noun: "one of a string or object",
                    string: Some(&Shape::OneOf(&["always", "never"])),
                    array: None,
                    object: Some(&Shape::Object(&only(&[
                        optional("always", &TOOL_FILTER),
                        optional("never", &TOOL_FILTER),
                    ]))),
                }),
            ),
            optional("defer_loading", &Shape::Bool),
        ]),
    ),
    ("programmatic_tool_calling", &open(&[])),
    (
        "shell",
        &open(&[
            optional(
                "environment",
                &Shape::Tagged(&Tagged {
                    tag: "type",
                    variants: &[
                        (
                            "container_auto",
                            &open(&[
                                FILE_IDS,
                                MEMORY_LIMIT,
                                NETWORK_POLICY,
                                optional("skills", &Shape::Array(&up_to(MAX_SKILLS, &ATTACHED_SKILL))),
                            ]),
                        ),
                        (
                            "local",
                            &open(&[optional("skills", &Shape::Array(&up_to(MAX_SKILLS, &LOCAL_SKILL)))]),
                        ),
                        ("container_reference", &open(&[required("container_id", &STRING)])),
                    ],
                }),
            ),
            ALLOWED_CALLERS,
        ]),
    ),
    (
        "tool_search",
        &open(&[
            optional("execution", &Shape::OneOf(&["server", "client"])),
            optional("description", &STRING),
            optional("parameters", &Shape::Object(&open(&[]))),
        ]),
    ),
    ("web_search", &WEB_SEARCH),
    ("web_search_2025_08_26", &WEB_SEARCH),
    ("web_search_preview", &WEB_SEARCH_PREVIEW),
    ("web_search_preview_2025_03_11", &WEB_SEARCH_PREVIEW),
];

/// The most skills of a shell.
const MAX_SKILLS: usize = 200;
/// The most files of a container.
const MAX_FILES: usize = 50;

const INTEGER: Shape = Shape::Integer(None, None);
const NUMBER: Shape = Shape::Decimal(f64::MIN, f64::MAX);
const NOT_EMPTY: Shape = Shape::String(&Chars { min: 1, max: usize::MAX, pattern: None });
static STRINGS: Shape = Shape::Array(&strings(0, usize::MAX));

const fn strings(min: usize, max: usize) -> Array {
    Array { noun: "an array of strings", min, max, item: &STRING }
}

const fn up_to(max: usize, item: &'static Shape) -> Array {
    Array { noun: "an array of objects", min: 0, max, item }
}

/// An object that has no members besides these.
const fn only(members: &'static [Member]) -> Object {
    Object { members, extra: Extra::Refused }
}

/// Who may call a tool: the model, or a program that it writes.
pub(super) const fn allowed_callers(min: usize) -> Array {
    Array {
        noun: "an array of strings",
        min,
        max: usize::MAX,
        item: &Shape::OneOf(&["direct", "programmatic"]),
    }
}

pub(super) const ALLOWED_CALLERS: Member = optional("allowed_callers", &Shape::Array(&allowed_callers(1)));

static WEB_SEARCH: Object = open(&[
    optional("external_web_access", &Shape::Bool),
    optional("filters", &Shape::Object(&open(&[optional("allowed_domains", &STRINGS)]))),
    optional("user_location", &LOCATION),
    optional("search_context_size", &SEARCH_CONTEXT_SIZE),
]);

static WEB_SEARCH_PREVIEW: Object = open(&[
    optional("user_location", &LOCATION),
    optional("search_context_size", &SEARCH_CONTEXT_SIZE),
    optional(
        "search_content_types",
        &Shape::Array(&Array {
            noun: "an array of strings",
            min: 0,
            max: usize::MAX,
            item: &Shape::OneOf(&["text", "image"]),
        }),
    ),
]);

const SEARCH_CONTEXT_SIZE: Shape = Shape::OneOf(&["low", "medium", "high"]);

/// The document requires the type for one kind of search only; there is one type.
static LOCATION: Shape = Shape::Object(&open(&[
    optional("type", &Shape::OneOf(&["approximate"])),
    optional("country", &STRING),
    optional("region", &STRING),
    optional("city", &STRING),
    optional("timezone", &STRING),
]));

static TUNNEL: Pattern = Pattern { text: "^tunnel_[a-z0-9]{32}$", holds: is_tunnel };

fn is_tunnel(text: &str) -> bool {
    text.strip_prefix("tunnel_").is_some_and(|id| {
        id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

static TOOL_FILTER: Shape =
    Shape::Object(&only(&[optional("tool_names", &STRINGS), optional("read_only", &Shape::Bool)]));

/// A condition on the attributes of files, or several.
static FILTER: Shape = Shape::Tagged(&Tagged {
    tag: "type",
    variants: &[
        ("eq", &COMPARISON),
        ("ne", &COMPARISON),
        ("gt", &COMPARISON),
        ("gte", &COMPARISON),
        ("lt", &COMPARISON),
        ("lte", &COMPARISON),
        ("in", &COMPARISON),
        ("nin", &COMPARISON),
        ("and", &COMPOUND),
        ("or", &COMPOUND),
    ],
});

static COMPARISON: Object =
    only(&[required("key", &STRING), required("value", &Shape::Rule(JsonTypes::ANY, compared))]);
static COMPOUND: Object = only(&[required("filters", &Shape::Array(&objects(&FILTER)))]);

/// What an attribute is compared with: a scalar, or a list of texts and numbers.
fn compared(value: &Value<'_>, path: &Path<'_>, _: Scope) -> Result<(), ApiError> {
    let is_listed = |value: &Value<'_>| matches!(value, Value::String(_) | Value::Number(_));
    match value {
        Value::String(_) | Value::Number(_) | Value::Bool(_) => Ok(()),
        Value::Array(items) if items.iter().all(is_listed) => Ok(()),
        _ => Err(error_text::wrong_type(
            path,
            "one of a string, number, boolean, or array of strings and numbers",
            value.noun(),
        )),
    }
}

const FILE_IDS: Member = optional("file_ids", &Shape::Array(&strings(0, MAX_FILES)));
const MEMORY_LIMIT: Member = optional("memory_limit", &Shape::OneOf(&["1g", "4g", "16g", "64g"]));

/// Which hosts a container reaches.
const NETWORK_POLICY: Member = optional(
    "network_policy",
    &Shape::Tagged(&Tagged {
        tag: "type",
        variants: &[
            ("disabled", &open(&[])),
            (
                "allowlist",
                &open(&[
                    required("allowed_domains", &Shape::Array(&strings(1, usize::MAX))),
                    optional(
                        "domain_secrets",
                        &Shape::Array(&Array {
                            noun: "an array of objects",
                            min: 1,
                            max: usize::MAX,
                            item: &Shape::Object(&open(&[
                                required("domain", &NOT_EMPTY),
                                required("name", &NOT_EMPTY),
                                required(
                                    "value",
                                    &Shape::String(&Chars { min: 1, max: 10_485_760, pattern: None }),
                                ),
                            ])),
                        }),
                    ),
                ]),
            ),
        ],
    }),
);

/// A skill in a container: one that is stored, or one that comes with the request.
static ATTACHED_SKILL: Shape = Shape::Tagged(&Tagged {
    tag: "type",
    variants: &[
        (
            "skill_reference",
            &open(&[
                required("skill_id", &Shape::String(&Chars { min: 1, max: 64, pattern: None })),
                optional("version", &STRING),
            ]),
        ),
        (
            "inline",
            &open(&[
                required("name", &STRING),
                required("description", &STRING),
                required(
                    "source",
                    &Shape::Object(&open(&[
                        required("type", &Shape::OneOf(&["base64"])),
                        required("media_type", &Shape::OneOf(&["application/zip"])),
                        required("data", &Shape::String(&Chars { min: 1, max: 70_254_592, pattern: None })),
                    ])),
                ),
            ]),
        ),
    ],
});

/// A skill on the caller's machine.
static LOCAL_SKILL: Shape = Shape::Object(&open(&[
    required("name", &STRING),
    required("description", &STRING),
    required("path", &STRING),
]));
