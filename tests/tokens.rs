//! Compares the tokenizer with tiktoken, on generated strings and on the texts of this repository.
#![cfg(feature = "vocab")]

use std::path::Path;

use portcullis::random::Rng;
use portcullis::tokens::Encoding;
use tiktoken_rs::CoreBPE;

/// Generated strings for each vocabulary.
const STRINGS: u64 = 200_000;

fn reference(encoding: Encoding) -> &'static CoreBPE {
    match encoding {
        Encoding::O200kBase => tiktoken_rs::o200k_base_singleton(),
        Encoding::Cl100kBase => tiktoken_rs::cl100k_base_singleton(),
    }
}

fn compare(encoding: Encoding, text: &str) {
    let ids = encoding.encode(text);
    assert_eq!(ids, reference(encoding).encode_ordinary(text), "{} of {text:?}", encoding.name());
    assert_eq!(encoding.count(text), ids.len(), "{} of {text:?}", encoding.name());
    let with_length = |&id: &u32| (id, encoding.token_bytes(id).map_or(0, |bytes| bytes.len()));
    assert!(encoding.tokens(text).eq(ids.iter().map(with_length)), "{} of {text:?}", encoding.name());
    assert_eq!(encoding.decode_bytes(&ids), text.as_bytes(), "{} of {text:?}", encoding.name());
}

/// Random choices, the same ones every time.
struct Random(Rng);

impl Random {
    fn new(seed: u64) -> Self {
        Self(Rng::new(seed))
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0.below(bound as u64) as usize
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

#[rustfmt::skip]
const WORDS: &[&str] = &[
    "the", "The", "THE", "token", "Tokenizer", "getElementById", "HTTPServer", "XMLHttpRequest", "straße",
    "naïve", "Ünïcödé", "don", "I", "we", "they", "antidisestablishmentarianism", "zqxjk", "é", "e\u{301}",
    "привет", "ПРИВЕТ", "мир", "γειά", "ΓΕΙΆ", "שלום", "مرحبا", "नमस्ते", "สวัสดี", "こんにちは", "カタカナ", "漢字",
    "你好世界", "안녕하세요", "ǅungla", "ʰa", "ªº", "İstanbul", "ﬁn", "𝐀𝐛𝐜", "𠀀𠀁", "𞤀𞤢", "ꓤꓥ", "function", "return",
    "const", "let", "mut", "fn", "def", "class", "import", "self", "0x1f", "u32", "<|endoftext|>",
    "<|im_start|>", "<|endofprompt|>",
];
#[rustfmt::skip]
const CONTRACTIONS: &[&str] = &[
    "'s", "'S", "'t", "'T", "'re", "'RE", "'rE", "'ve", "'Ve", "'m", "'M", "'ll", "'LL", "'lL", "'d", "'D",
    "'\u{17f}", "'x", "'l", "'v", "'r", "''s", "'", "\u{2019}s", "'e", "'sx", "'\u{17f}\u{17f}",
];
#[rustfmt::skip]
const SPACES: &[&str] = &[
    " ", "  ", "   ", "    ", "        ", "\t", "\t\t", "\n", "\n\n", "\r", "\r\n", "\r\n\r\n", " \n",
    "\n ", "\n  ", "\t\n", "\u{a0}", "\u{3000}", "\u{2028}", "\u{2029}", "\u{85}", "\u{b}", "\u{c}",
    "\u{2003}", "\u{1680}", "\u{200b}", "\u{feff}", "\u{1c}", "\u{180e}", " \r", "\n\t",
];
#[rustfmt::skip]
const SIGNS: &[&str] = &[
    ".", ",", "!", "?", "...", "/", "//", "///", "/*", "*/", "();", "{}", "=>", "->", "==", "!=", "<=",
    "&&", "||", "\\", "\"", "`", "```", "#", "$", "%", "^", "~", "_", "__", "-", "--", "----", "====", "€",
    "£", "©", "™", "\u{2014}", "“”", "、", "。", "！", "\u{fffd}", "\u{0}", "\u{7f}", "./\n", "/\n/", "+\r\n",
    " /", "=\n\n",
];
#[rustfmt::skip]
const NUMBERS: &[&str] = &[
    "0", "1", "12", "123", "1234", "2024", "٣", "Ⅷ", "²", "½", "१२३", "𝟘𝟙", "①", "一", "3.14",
];
#[rustfmt::skip]
const EMOJI: &[&str] = &[
    "😀", "👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "❤️", "☃", "1️⃣", "\u{1f468}\u{200d}", "🧑🏿‍🚀", "\u{fe0f}",
    "\u{e0062}",
];
#[rustfmt::skip]
const MARKS: &[&str] = &[
    "\u{301}", "\u{300}\u{323}", "\u{20dd}", "\u{903}", "\u{93f}", "\u{e31}", "\u{e0100}", "\u{64b}",
    "\u{5b0}",
];

fn any_char(random: &mut Random, bound: u32) -> char {
    loop {
        if let Some(character) = char::from_u32(random.below(bound as usize) as u32) {
            return character;
        }
    }
}

/// Characters of all classes that the patterns distinguish, in random order.
fn classes(random: &mut Random) -> String {
    const OF: &[char] = &[
        'a', 's', 'l', 'B', 'T', 'ǅ', 'ʰ', '漢', 'ª', '\u{301}', '\u{903}', '1', '²', ' ', ' ', '\t', '\n',
        '\r', '\u{a0}', '\u{3000}', '\'', '/', '.', '€', 'ß', 'É', '\u{17f}', '😀',
    ];
    (0..1 + random.below(12)).map(|_| random.pick(OF)).collect()
}

/// A text cut at arbitrary bytes, decoded lossily: truncated characters become U+FFFD.
fn broken(random: &mut Random, text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..random.below(4) {
        let at = random.below(bytes.len() + 1);
        match random.below(3) {
            0 => bytes.insert(at, random.below(256) as u8),
            1 => bytes.truncate(at),
            _ => drop(bytes.drain(..at)),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn generate(seed: u64) -> String {
    let random = &mut Random::new(seed);
    let kind = random.below(10);
    if kind == 0 {
        return classes(random);
    }
    let mut text = String::new();
    for _ in 0..1 + random.below(10) {
        match (kind, random.below(12)) {
            (1, _) => text.push(any_char(random, 0x11_0000)),
            (2, _) => text.push(any_char(random, 0x3000)),
            (3, _) => text.push(any_char(random, 0x80)),
            // Characters of one block in one plane, as in a script.
            (4, _) => {
                let start = Random::new(seed).below(0x11_0000) as u32 & !0x7f;
                text.extend(char::from_u32(start + random.below(0x80) as u32));
            }
            (5, 0..=5) => text.push_str(random.pick(SPACES)),
            (_, 0 | 1) => text.push_str(random.pick(SPACES)),
            (_, 2..=4) => {
                text.push_str(random.pick(WORDS));
                text.push_str(if random.below(2) == 0 { " " } else { "" });
            }
            (_, 5) => text.push_str(random.pick(CONTRACTIONS)),
            (_, 6) => text.push_str(random.pick(SIGNS)),
            (_, 7) => text.push_str(random.pick(NUMBERS)),
            (_, 8) => text.push_str(random.pick(EMOJI)),
            (_, 9) => text.push_str(random.pick(MARKS)),
            (_, 10) => {
                let unit = random.pick(&["a", " ", "=", "\n", "é", "漢", "ab", "0", "A", "\u{301}"]);
                text.push_str(&unit.repeat(1 + random.below(40)));
            }
            _ => text.extend((0..random.below(9)).map(|_| char::from(b'a' + random.below(26) as u8))),
        }
    }
    if kind == 9 { broken(random, &text) } else { text }
}

/// Runs a check of the numbers below `count`, in parallel on all cores.
fn in_parallel(count: u64, check: impl Fn(u64) + Sync) {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    std::thread::scope(|scope| {
        for first in 0..cores {
            let check = &check;
            scope.spawn(move || (first..count).step_by(cores as usize).for_each(check));
        }
    });
}

#[test]
fn generated_strings() {
    in_parallel(STRINGS, |seed| {
        let text = generate(seed);
        Encoding::ALL.into_iter().for_each(|encoding| compare(encoding, &text));
    });
}

/// Every character, alone and where its class determines the split.
#[test]
fn every_character() {
    in_parallel(0x11_0000 / 64, |block| {
        let characters: Vec<char> =
            (0..64).filter_map(|low| char::from_u32(block as u32 * 64 + low)).collect();
        let among = |before: &str, after: &str| -> String {
            characters
                .iter()
                .flat_map(|c| {
                    [before, c.encode_utf8(&mut [0; 4]), after].concat().chars().collect::<Vec<_>>()
                })
                .collect()
        };
        for text in [among("", ""), among("A", "b "), among("a ", "B+\n")] {
            Encoding::ALL.into_iter().for_each(|encoding| compare(encoding, &text));
        }
    });
}

/// Pieces that are in no vocabulary, on both sides of the length at which the merge algorithm changes.
#[test]
fn long_pieces() {
    for unit in ["a", " ", "ab", "xyz", "=", "é", "漢字", "\u{301}", "antidis", "\n ", "Aa"] {
        for count in [30, 63, 64, 65, 127, 128, 129, 200, 1000] {
            let text = unit.repeat(count);
            for text in [text.clone(), format!("{text}q"), format!("q{text} ")] {
                Encoding::ALL.into_iter().for_each(|encoding| compare(encoding, &text));
            }
        }
    }
    let mut random = Random::new(7);
    for _ in 0..200 {
        let text: String =
            (0..50 + random.below(400)).map(|_| char::from(b'a' + random.below(26) as u8)).collect();
        Encoding::ALL.into_iter().for_each(|encoding| compare(encoding, &text));
    }
}

#[test]
fn own_texts() {
    let mut compared = 0;
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy();
            if path.is_dir() && !name.starts_with('.') && !["target", "node_modules"].contains(&&*name) {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "md") {
                let text = std::fs::read_to_string(&path).unwrap();
                Encoding::ALL.into_iter().for_each(|encoding| compare(encoding, &text));
                compared += 1;
            }
        }
    }
    assert!(compared > 10, "{compared} texts");
}

#[test]
fn every_token_decodes_as_in_tiktoken() {
    for encoding in Encoding::ALL {
        for id in (0..encoding.vocabulary_size() + 10).chain([u32::MAX]) {
            let bytes = encoding.token_bytes(id);
            assert_eq!(bytes.as_deref(), reference(encoding).decode_bytes(&[id]).ok().as_deref(), "{id}");
        }
        for (name, id) in encoding.special_tokens() {
            assert_eq!(reference(encoding).encode_with_special_tokens(name), [*id]);
        }
        assert_eq!(encoding.special_tokens().len(), reference(encoding).special_tokens().len());
    }
}
