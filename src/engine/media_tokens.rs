//! How many tokens images, audio and files have, as far as their vendors document it.
//!
//! | what | tokens |
//! |---|---|
//! | an image, low detail | the model's base |
//! | an image else | the base, and for each tile of 512 pixels the model's price of a tile, once the image is scaled to fit 2048 × 2048 and then to a shorter side of 768 |
//! | an image, models that count patches | a token for each 32 × 32 pixels, 1536 at the most, times the model's factor |
//! | an image, Claude models | a token for each 750 pixels, once it is scaled to a longer side of 1568 |
//! | an image that is not in the request | as one of 1024 × 1024: nothing is fetched |
//! | audio | 10 a second; any format but WAV counts as 128 kbit/s |
//! | a file | its text if it is text, else a quarter of its bytes; an uploaded one nothing |

use crate::model::{ImageTokens, ModelSpec};
use crate::tokens::Encoding;
use crate::turn::{Media, Source};

/// The size of an image that is not in the request.
const UNKNOWN: (u64, u64) = (1024, 1024);

/// The tokens of an image, a document or audio, and those of them that are audio.
pub(super) fn media(media: &Media<'_>, spec: &ModelSpec) -> (u64, u64) {
    match media {
        Media::Image { source, detail } => (image(source, *detail == Some("low"), spec.image_tokens), 0),
        Media::Document { source, title } => (document(source, title.as_deref(), spec.encoding), 0),
        Media::Audio { data, format } => {
            let tokens = audio(data, *format == "wav");
            (tokens, tokens)
        }
    }
}

fn image(source: &Source<'_>, is_low: bool, rule: ImageTokens) -> u64 {
    let data = if let Source::Base64 { data, .. } = source { Some(&**data) } else { None };
    let (width, height) = data.and_then(size).unwrap_or(UNKNOWN);
    match rule {
        // A model that takes no images is sent one only where its limits are not enforced.
        ImageTokens::None => 85 + 170 * tiles(width, height),
        ImageTokens::Patches(factor) => {
            let patches = width.div_ceil(32).saturating_mul(height.div_ceil(32)).min(1536);
            (patches * factor).div_ceil(100)
        }
        ImageTokens::Tiles(base, _) if is_low => base,
        ImageTokens::Tiles(base, tile) => base + tile * tiles(width, height),
        ImageTokens::Pixels => pixels(width, height),
    }
}

/// An image of Anthropic's: a token for 750 pixels, once the longer side is at most 1,568.
fn pixels(width: u64, height: u64) -> u64 {
    let (width, height) = (width.max(1) as f64, height.max(1) as f64);
    let fit = (1568.0 / width.max(height)).min(1.0);
    ((width * fit) * (height * fit) / 750.0).ceil() as u64
}

/// How many tiles of 512 pixels an image has once it is scaled.
fn tiles(width: u64, height: u64) -> u64 {
    let (width, height) = (width.max(1) as f64, height.max(1) as f64);
    let fit = (2048.0 / width.max(height)).min(1.0);
    let short = (768.0 / (width.min(height) * fit)).min(1.0);
    let tiles = |side: f64| (side * fit * short / 512.0).ceil().max(1.0) as u64;
    tiles(width) * tiles(height)
}

/// The size of an image in base64.
fn size(data: &str) -> Option<(u64, u64)> {
    // The header has the size; a JPEG's may come after its thumbnail and colours.
    let bytes = decode(data, 256 * 1024);
    let be16 = |at: usize| Some(u64::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    let le16 = |at: usize| Some(u64::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    let le24 = |at: usize| Some(le16(at)? | u64::from(*bytes.get(at + 2)?) << 16);
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some((be16(16)? << 16 | be16(18)?, be16(20)? << 16 | be16(22)?));
    }
    if bytes.starts_with(b"GIF8") {
        return Some((le16(6)?, le16(8)?));
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return match bytes.get(12..16)? {
            b"VP8 " => Some((le16(26)? & 0x3fff, le16(28)? & 0x3fff)),
            b"VP8L" => {
                let bits = le16(21)? | le16(23)? << 16;
                Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
            }
            _ => Some((le24(24)? + 1, le24(27)? + 1)),
        };
    }
    if bytes.starts_with(b"\xff\xd8") {
        let mut at = 2;
        loop {
            // A segment: 0xff, its kind, its length. The frame header's kinds are C0 to CF but three.
            let kind = *bytes.get(at + 1)?;
            if matches!(kind, 0xc0..=0xcf) && !matches!(kind, 0xc4 | 0xc8 | 0xcc) {
                return Some((be16(at + 7)?, be16(at + 5)?));
            }
            at += 2 + usize::try_from(be16(at + 2)?).ok()?.max(2);
        }
    }
    None
}

fn audio(data: &str, is_wav: bool) -> u64 {
    let bytes = data.len() as u64 * 3 / 4;
    let head = decode(data, 44);
    // The bytes a second lie in the header's second chunk.
    let rate = head.get(28..32).and_then(|rate| rate.try_into().ok()).map(u32::from_le_bytes);
    let rate = rate.filter(|rate| is_wav && *rate > 0).map_or(16_000, u64::from);
    (bytes * 10).div_ceil(rate)
}

fn document(source: &Source<'_>, title: Option<&str>, encoding: Encoding) -> u64 {
    let content = match source {
        Source::Base64 { data, .. } => {
            let bytes = decode(data, usize::MAX);
            match std::str::from_utf8(&bytes) {
                Ok(text) => encoding.count(text) as u64,
                Err(_) => (bytes.len() as u64).div_ceil(4),
            }
        }
        Source::Text(text) => encoding.count(text) as u64,
        Source::Url(_) | Source::File(_) => return 0,
    };
    content + title.map_or(0, |title| encoding.count(title) as u64)
}

/// The first bytes of some base64 (RFC 4648, either alphabet). It ends at the first character that is none.
fn decode(data: &str, most: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity((data.len() / 4 * 3).min(most));
    let (mut bits, mut count) = (0_u32, 0);
    for byte in data.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'\r' | b'\n' => continue,
            _ => break,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            if out.len() >= most {
                break;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_cost_as_openai_documents() {
        let url = Source::Url("https://example.com/x.png".into());
        let of = |model: &str| crate::model::nearest(model).image_tokens;
        // OpenAI's examples: 1024 x 1024 in high detail 765, 2048 x 4096 1105, any in low detail 85.
        assert_eq!(image(&url, false, of("gpt-4o")), 765);
        assert_eq!(image(&url, true, of("gpt-4o")), 85);
        assert_eq!(85 + 170 * tiles(2048, 4096), 1105);
        assert_eq!(image(&url, false, of("gpt-4o-mini")), 2833 + 4 * 5667);
        assert_eq!(image(&url, false, of("gpt-4.1-mini")), 1659);
        // A PNG of 4 x 3 pixels is one tile.
        let png = "iVBORw0KGgoAAAANSUhEUgAAAAQAAAADCAIAAAA7ljmR";
        assert_eq!(size(png), Some((4, 3)));
        let png = Source::Base64 { media_type: "image/png".into(), data: png.into() };
        assert_eq!(image(&png, false, of("gpt-4-turbo")), 255);
        // Anthropic's example: 1092 x 1092 pixels are about 1,590 tokens.
        assert_eq!(pixels(1092, 1092), 1590);
        assert_eq!(pixels(3136, 1568), pixels(1568, 784));
    }

    #[test]
    fn headers_have_the_size() {
        let base64 = |bytes: &[u8]| crate::coding::base64(bytes.iter().copied());
        assert_eq!(size(&base64(b"GIF89a\x10\x00\x20\x00")), Some((16, 32)));
        assert_eq!(
            size(&base64(b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08\x00\x05\x00\x07")),
            Some((7, 5))
        );
        assert_eq!(
            size(&base64(b"RIFF....WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x0f\x00\x00\x07\x00\x00")),
            Some((16, 8))
        );
        for broken in [&b""[..], b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"RIFF....WEBPVP8 ", b"GIF8", b"hello"] {
            assert_eq!(size(&base64(broken)), None, "{broken:?}");
        }
        assert_eq!(size("@@"), None);
    }

    #[test]
    fn audio_costs_ten_tokens_a_second() {
        // 8,000 bytes a second, two seconds.
        let head = "UklGRgAAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAA";
        let data = format!("{head}{}", "AAAA".repeat((16_000 - 44) / 3));
        assert_eq!(audio(&data, true), 20);
        assert_eq!(audio(&"AAAA".repeat(16_000), false), 30);
        assert_eq!(audio("", true), 0);
    }
}
