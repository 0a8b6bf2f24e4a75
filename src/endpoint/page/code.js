// The request as source code. The key is never part of it: a client reads it from its environment variable.

const base = new URL(".", location).href.replace(/\/$/, "");
const pretty = (value) => JSON.stringify(value, null, 2);
const method = ({ path }) => path.slice(3).replace("/", ".") + ".create";
const sdk = ({ anthropic }) => anthropic
  ? { variable: "ANTHROPIC_API_KEY", name: "Anthropic", python: "anthropic", node: "@anthropic-ai/sdk", url: base }
  : { variable: "OPENAI_API_KEY", name: "OpenAI", python: "openai", node: "openai", url: base + "/v1" };

// The header fields of a call, as [name, value].
const headers = ({ anthropic }, key) => [
  ["content-type", "application/json"],
  ...some(key, anthropic ? ["x-api-key", key] : ["authorization", "Bearer " + key]),
  ...some(anthropic, ["anthropic-version", "2023-06-01"]),
];

const CODE = {
  curl: (api, body) => [
    `curl -N ${base}/${api.path}`,
    ...headers(api, "$" + sdk(api).variable).map(([name, value]) => `  -H "${name}: ${value}"`),
    `  -d '${pretty(body).replaceAll("'", "'\\''")}'`,
  ].join(" \\\n"),

  python(api, body, more) {
    const { variable, name, python, url } = sdk(api);
    // Python's SDKs refuse names that they do not know, but for those in `extra_body`.
    const known = Object.entries(body).filter(([name]) => !(name in more));
    if (pretty(more) !== "{}") known.push(["extra_body", more]);
    return `from ${python} import ${name}

client = ${name}(base_url="${url}")  # reads ${variable}
answer = client.${method(api)}(
${known.map(([name, value]) => `    ${name}=${literal(value, "    ")},\n`).join("")})
${body.stream ? "for event in answer:\n    print(event)" : "print(answer)"}`;
  },

  node(api, body) {
    const { variable, name, node, url } = sdk(api);
    return `import ${name} from "${node}";

const client = new ${name}({ baseURL: "${url}" }); // reads ${variable}
const answer = await client.${method(api)}(${pretty(body)});
${body.stream ? "for await (const part of answer) " : ""}console.dir(${body.stream ? "part" : "answer"}, { depth: null });`;
  },
};

// JSON as Python writes it.
function literal(value, indent) {
  if (Object(value) !== value) return { null: "None", true: "True", false: "False" }[value] ?? JSON.stringify(value);
  const [open, close] = Array.isArray(value) ? "[]" : "{}", deeper = indent + "    ";
  const lines = Object.entries(value).map(([name, member]) =>
    `${deeper}${open === "{" ? JSON.stringify(name) + ": " : ""}${literal(member, deeper)},\n`);
  return lines[0] ? `${open}\n${lines.join("")}${indent}${close}` : open + close;
}
