"use strict";
const $ = (id) => document.getElementById(id);
const fields = ["key", "model", "system", "user", "temperature", "limit", "seed", "tools"];
const number = (id) => ($(id).value === "" ? undefined : Number($(id).value));
const pretty = (value) => JSON.stringify(value, null, 2);
let running, language = "curl";

/* One entry an API: where it is, how its request is built, and what an event or a whole answer contains.
   `read` reports through `out`: text, thinking, call(key, name), input(key, text), usage(in, out). */
const APIS = {
  chat: {
    path: "/v1/chat/completions",
    build: (f) => ({
      model: f.model,
      messages: [...(f.system ? [{ role: "system", content: f.system }] : []), { role: "user", content: f.user }],
      temperature: f.temperature, max_completion_tokens: f.limit, seed: f.seed,
      tools: f.tools?.map((tool) => ({ type: "function", function: tool })),
      ...(f.stream ? { stream: true, stream_options: { include_usage: true } } : {}),
    }),
    read(data, out) {
      for (const choice of data.choices ?? []) {
        const part = choice.delta ?? choice.message ?? {};
        out.thinking(part.reasoning_content);
        out.text(part.content ?? part.refusal);
        (part.tool_calls ?? []).forEach((call, i) => {
          const key = choice.index + "." + (call.index ?? i), made = call.function ?? call.custom ?? {};
          if (made.name) out.call(key, made.name);
          out.input(key, made.arguments ?? made.input);
        });
      }
      if (data.usage) out.usage(data.usage.prompt_tokens, data.usage.completion_tokens);
    },
    python: ["from openai import OpenAI", 'OpenAI(base_url="BASE/v1", api_key="KEY")', "chat.completions.create"],
    node: ['import OpenAI from "openai";', 'new OpenAI({ baseURL: "BASE/v1", apiKey: "KEY" })', "chat.completions.create"],
  },
  responses: {
    path: "/v1/responses",
    build: (f) => ({
      model: f.model, instructions: f.system || undefined, input: f.user,
      temperature: f.temperature, max_output_tokens: f.limit, store: false,
      tools: f.tools?.map((tool) => ({ type: "function", strict: false, ...tool })),
      stream: f.stream || undefined,
    }),
    read(data, out) {
      const item = data.item ?? {}, key = String(data.output_index);
      switch (data.type) {
        case "response.output_text.delta": case "response.refusal.delta": return out.text(data.delta);
        case "response.reasoning_summary_text.delta": case "response.reasoning_text.delta": return out.thinking(data.delta);
        case "response.output_item.added": return item.name && out.call(key, item.name);
        case "response.function_call_arguments.delta": case "response.custom_tool_call_input.delta": return out.input(key, data.delta);
      }
      const whole = data.response ?? data;
      if (data.object === "response") (data.output ?? []).forEach((item, i) => {
        (item.summary ?? []).forEach((part) => out.thinking(part.text));
        if (item.type === "message") item.content.forEach((part) => out.text(part.text ?? part.refusal));
        if (item.name) { out.call(String(i), item.name); out.input(String(i), item.arguments ?? item.input); }
      });
      if (whole.usage) out.usage(whole.usage.input_tokens, whole.usage.output_tokens);
      if (whole.error) out.error(whole.error);
    },
    python: ["from openai import OpenAI", 'OpenAI(base_url="BASE/v1", api_key="KEY")', "responses.create"],
    node: ['import OpenAI from "openai";', 'new OpenAI({ baseURL: "BASE/v1", apiKey: "KEY" })', "responses.create"],
  },
  messages: {
    path: "/v1/messages",
    headers: { "anthropic-version": "2023-06-01" },
    build: (f) => ({
      model: f.model, max_tokens: f.limit ?? 1024, system: f.system || undefined,
      messages: [{ role: "user", content: f.user }], temperature: f.temperature,
      tools: f.tools?.map(({ parameters, ...tool }) => ({ ...tool, input_schema: parameters ?? { type: "object" } })),
      stream: f.stream || undefined,
    }),
    read(data, out) {
      const block = (part, key) => {
        out.thinking(part.thinking);
        out.text(part.text);
        if (part.name) out.call(key, part.name);
        if (part.input && Object.keys(part.input).length) out.input(key, JSON.stringify(part.input));
        out.input(key, part.partial_json);
      };
      if (data.content_block ?? data.delta) block(data.content_block ?? data.delta, String(data.index));
      (data.content ?? []).forEach((part, i) => block(part, String(i)));
      const usage = data.usage ?? data.message?.usage;
      if (usage) out.usage(usage.input_tokens, usage.output_tokens);
    },
    python: ["from anthropic import Anthropic", 'Anthropic(base_url="BASE", api_key="KEY")', "messages.create"],
    node: ['import Anthropic from "@anthropic-ai/sdk";', 'new Anthropic({ baseURL: "BASE", apiKey: "KEY" })', "messages.create"],
  },
  completions: {
    path: "/v1/completions",
    build: (f) => ({
      model: f.model, prompt: f.user, temperature: f.temperature, max_tokens: f.limit, seed: f.seed,
      ...(f.stream ? { stream: true, stream_options: { include_usage: true } } : {}),
    }),
    read(data, out) {
      for (const choice of data.choices ?? []) out.text(choice.text);
      if (data.usage) out.usage(data.usage.prompt_tokens, data.usage.completion_tokens);
    },
    python: ["from openai import OpenAI", 'OpenAI(base_url="BASE/v1", api_key="KEY")', "completions.create"],
    node: ['import OpenAI from "openai";', 'new OpenAI({ baseURL: "BASE/v1", apiKey: "KEY" })', "completions.create"],
  },
};
const api = () => APIS[new FormData($("form")).get("api")];

function body() {
  const tools = $("tools").value.trim();
  return api().build({
    model: $("model").value, system: $("system").value, user: $("user").value, temperature: number("temperature"),
    limit: number("limit"), seed: number("seed"), tools: tools ? JSON.parse(tools) : undefined, stream: $("stream").checked,
  });
}

/* The request as source code. The key is never part of it. */
function code(request) {
  const base = location.origin, { path, headers = {}, python, node } = api();
  const fill = (text) => text.replace("BASE", base);
  if (language === "curl") {
    const fields = Object.entries({ "authorization": "Bearer $API_KEY", "content-type": "application/json", ...headers });
    const quoted = JSON.stringify(request).replaceAll("'", "'\\''");
    return `curl ${base}${path} \\\n` + fields.map(([name, value]) => `  -H "${name}: ${value}" \\\n`).join("") + `  -d '${quoted}'`;
  }
  if (language === "python") {
    const literal = (value) => value === true ? "True" : value === false ? "False" : value === null ? "None"
      : Array.isArray(value) ? `[${value.map(literal).join(", ")}]`
      : typeof value === "object" ? `{${Object.entries(value).map(([k, v]) => `${JSON.stringify(k)}: ${literal(v)}`).join(", ")}}` : JSON.stringify(value);
    const args = Object.entries(request).filter(([, v]) => v !== undefined).map(([k, v]) => `    ${k}=${literal(v)},\n`).join("");
    const end = request.stream ? "for event in answer:\n    print(event)" : "print(answer)";
    return `import os\n${python[0]}\n\nclient = ${fill(python[1]).replace('"KEY"', 'os.environ["API_KEY"]')}\nanswer = client.${python[2]}(\n${args})\n${end}`;
  }
  const end = request.stream ? "for await (const event of answer) console.log(event);" : "console.log(answer);";
  return `${node[0]}\n\nconst client = ${fill(node[1]).replace('"KEY"', "process.env.API_KEY")};\nconst answer = await client.${node[2]}(${pretty(request)});\n${end}`;
}

function preview() {
  try {
    const request = body();
    $("request").textContent = `POST ${api().path}\n\n${pretty(request)}`;
    $("code").textContent = code(request);
  } catch (error) { $("request").textContent = `Tools: ${error.message}`; }
}

function fail(message, param) {
  $("error").hidden = false;
  $("error").textContent = message;
  const name = String(param ?? "").split(/[.[]/)[0];
  for (const label of document.querySelectorAll("[data-param]")) {
    label.classList.toggle("bad", name !== "" && label.dataset.param.split(" ").includes(name));
  }
  document.querySelector(".bad input, .bad textarea")?.focus();
}

/* Shows an answer as its parts arrive. */
function view() {
  const root = $("answer"), calls = new Map();
  root.replaceChildren();
  const part = (kind) => {
    if (root.lastElementChild?.className !== kind) root.append(Object.assign(document.createElement("p"), { className: kind }));
    return root.lastElementChild;
  };
  let input = 0, output = 0;
  return {
    text: (text) => text && part("text").append(text),
    thinking: (text) => text && part("thinking").append(text),
    call(key, name) {
      const line = Object.assign(document.createElement("p"), { className: "call" });
      root.append(line);
      line.append(name + " ");
      calls.set(key, line);
    },
    input: (key, text) => text && calls.get(key)?.append(text),
    usage(more, made) { input = more || input; output = made ?? output; $("tokens").textContent = `${input} / ${output}`; },
    error: (error) => fail(error.message ?? pretty(error), error.param),
  };
}

async function send(event) {
  event?.preventDefault();
  if (running) return;
  fail("", null);
  $("error").hidden = true;
  let request;
  try { request = body(); } catch (error) { return fail(`Tools are no JSON array: ${error.message}`, "tools"); }
  for (const id of ["status", "first", "total", "tokens", "cost"]) $(id).textContent = "–";
  $("events").textContent = "";
  const out = view(), { path, headers = {}, read } = api(), key = $("key").value, begun = performance.now();
  const since = () => `${Math.round(performance.now() - begun)} ms`;
  running = new AbortController();
  $("send").disabled = true;
  $("stop").disabled = false;
  try {
    const answer = await fetch(path, {
      method: "POST", signal: running.signal, body: JSON.stringify(request),
      headers: { "content-type": "application/json", ...headers, ...(key ? { authorization: `Bearer ${key}` } : {}) },
    });
    $("status").textContent = `${answer.status} ${answer.statusText}`;
    const cost = answer.headers.get("x-portcullis-cost-usd");
    if (cost) $("cost").textContent = `$${cost}`;
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    const isStream = (answer.headers.get("content-type") ?? "").startsWith("text/event-stream");
    let rest = "", raw = "";
    for (let step; !(step = await reader.read()).done;) {
      if (!raw) $("first").textContent = since();
      raw += step.value;
      $("events").append(step.value);
      if (!isStream) continue;
      const events = (rest + step.value).split(/\r?\n\r?\n/);
      rest = events.pop();
      for (const one of events) {
        const data = one.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5)).join("\n").trim();
        if (data && data !== "[DONE]") { const value = JSON.parse(data); value.error ? out.error(value.error) : read(value, out); }
      }
    }
    if (!isStream) {
      const value = JSON.parse(raw);
      $("events").textContent = pretty(value);
      value.error ? out.error(value.error) : read(value, out);
    }
  } catch (error) {
    fail(error.name === "AbortError" ? "Stopped." : error.message, null);
  } finally {
    $("total").textContent = since();
    running = undefined;
    $("send").disabled = false;
    $("stop").disabled = true;
  }
}

async function models() {
  const key = $("key").value;
  try {
    const answer = await fetch("/v1/models", { headers: key ? { authorization: `Bearer ${key}` } : {} });
    const { data = [] } = await answer.json();
    $("models").replaceChildren(...data.map(({ id }) => new Option(id, id)));
    if (!$("model").value && data.length) $("model").value = data[0].id;
    preview();
  } catch { /* without a list a model can still be typed */ }
}

for (const id of fields) {
  $(id).value = sessionStorage.getItem("portcullis." + id) ?? $(id).value;
  $(id).addEventListener("input", () => sessionStorage.setItem("portcullis." + id, $(id).value));
}
$("form").addEventListener("input", preview);
$("form").addEventListener("submit", send);
$("key").addEventListener("change", models);
$("stop").addEventListener("click", () => running?.abort());
document.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); $("form").requestSubmit(); } });
for (const button of document.querySelectorAll("[data-code]")) button.addEventListener("click", () => {
  language = button.dataset.code;
  for (const other of document.querySelectorAll("[data-code]")) other.setAttribute("aria-pressed", String(other === button));
  preview();
});
$("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText($("code").textContent);
  $("copy").textContent = "Copied";
  setTimeout(() => { $("copy").textContent = "Copy"; }, 1500);
});
models();
preview();
