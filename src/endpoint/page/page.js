// The form, the conversation and the exchange with the gateway.

const $ = (id) => document.getElementById(id);
const all = (selector) => [...document.querySelectorAll(selector)];
const make = (tag, properties, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

let messages = [], running, sent, facts;

const api = () => APIS[$("form").api.value];
const model = () => $("model").value || $("other").value.trim();
const key = () => $("key").value.trim();

// Reads JSON. What is wrong with it is reported at `origin`, a field or a message.
function parse(text, origin) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw Object.assign(error, { message: "This is not JSON: " + error.message, origin });
  }
}

// The value of a field by its type; none if it is empty, or hidden as the API has no such parameter.
function value(id) {
  const field = $(id), text = field.closest("[hidden]") ? "" : field.value.trim();
  if (text) return field.type === "number" ? Number(text) : field.className === "code" ? parse(text, id) : text;
}

// The request that the form describes, with what is in the box for the next message.
function build() {
  const text = $("text").value, more = value("more") ?? {};
  const names = ["system", "temperature", "limit", "seed", "n", "effort", "tools", "format"];
  const body = api().build({
    ...Object.fromEntries(names.map((name) => [name, value(name)])),
    model: model(),
    messages: [...messages.filter((m) => !m.isSpare), ...some(text, { role: "user", text, calls: [] })],
    stream: $("stream").checked || undefined,
  });
  return { api: api(), body: Object.assign(body, more), more };
}

// Shows a request, as text and as code.
function show({ api, body, more }) {
  const fields = headers(api, "$" + sdk(api).variable).map((field) => field.join(": "));
  $("request").textContent = [`POST ${base}/${api.path}`, ...fields, "", pretty(body)].join("\n");
  $("code").textContent = CODE[$("form").language.value](api, JSON.parse(pretty(body)), more);
}

// Shows what belongs to the API and the model that are chosen, and the request as it is by now.
function refresh() {
  const chosen = $("form").api.value;
  for (const element of all("[data-not]")) element.hidden = element.dataset.not.includes(chosen);
  $("other").hidden = $("model").value;
  try {
    show(build());
  } catch (error) {
    $("request").textContent = error.message;
  }
}

// Reports an error, and marks the field or the message that it is about.
function fail(text, origin) {
  $("error").textContent = text;
  const field = $(origin) ?? Object.values(origin?.parts ?? {})[0];
  if (!field) return;
  field.ariaInvalid = "true";
  field.setAttribute("aria-describedby", "error");
  field.focus();
}

function forgive() {
  $("error").textContent = "";
  for (const field of all("[aria-invalid]")) field.ariaInvalid = null;
}

// What a parameter's path leads to: a message, or the field that has the longest part of the path.
function find(param) {
  // As `messages[1].content` and as `messages.1.content`.
  const path = param.split(/[.[\]]+/).filter(Boolean);
  const origin = origins.get(Object(sent.body[path[0]]?.[path[1]]));
  if (origin) return origin;
  if (path[0] === "model") return $("model").value ? "model" : "other";
  for (; path[0]; path.pop()) {
    const field = all("[data-param]").find((field) => field.dataset.param.split(" ").includes(path.join(".")));
    if (field) return field.id;
  }
  return "more";
}

// Adds a message to the conversation. Its texts are those of its fields, which can be edited.
function add(role, title, properties) {
  const parts = {}, root = make("li", { className: role });
  const message = {
    role, parts, blocks: {}, ...properties,
    calls: [],
    get text() { return parts.text?.value ?? ""; },
    write(name, text, label = title) {
      if (!parts[name]) {
        parts[name] = make("textarea", { rows: 1, readOnly: name === "thinking" });
        root.append(make("label", { className: name }, label, parts[name]));
      }
      parts[name].value += text;
      fit(parts[name]);
    },
  };
  root.append(make("button", { type: "button", textContent: "Remove", ariaLabel: "Remove: " + title, onclick() {
    messages = messages.filter((other) => other !== message);
    root.remove();
    $("text").focus();
    refresh();
  } }));
  messages.push(message);
  $("history").append(root);
  return message;
}

// For browsers without `field-sizing`.
function fit(field) {
  field.rows = Math.min(20, field.value.length / 80 + field.value.split("\n").length);
}

// Adds an answer to the conversation as it arrives.
function receiver() {
  const choices = [];
  let unspoken = "";
  // By the sentence: a screen reader would stumble over single tokens.
  const speak = (text, ending = /^[^]*[.!?\n](?=\s)/) => {
    unspoken += text;
    const sentence = ending.exec(unspoken)?.[0];
    if (sentence) $("spoken").append(make("p", {}, sentence));
    unspoken = unspoken.slice(sentence?.length);
  };
  const choice = (index) => choices[index] ??=
    add("assistant", index ? `Assistant, choice ${index + 1} (not sent)` : "Assistant", { isSpare: index > 0 });
  const write = (index, part, text, label) => text && choice(index).write(part, text, label);
  return {
    text(index, text) {
      write(index, "text", text);
      if (text && !index) speak(text);
    },
    thinking: (index, text) => write(index, "thinking", text, "Thinking"),
    input: (index, at, text) => write(index, "call " + at, text),
    call(index, at, id, name) {
      const { write, calls, parts } = choice(index);
      write("call " + at, "", "Tool call: " + name);
      calls.push({ id, name, get input() { return parts["call " + at].value; } });
      speak(`\nTool call: ${name}\n `);
    },
    // Thinking is sent back as it came, signature included.
    block(at, { type, thinking = "", signature = "", data }) {
      const { blocks } = choice(0);
      if (/^(redacted_)?thinking$/.test(type)) blocks[at] = data ? { type, data } : { type, thinking: "", signature: "" };
      if (!blocks[at]?.type || data) return;
      blocks[at].thinking += thinking;
      blocks[at].signature += signature;
    },
    usage(usage) {
      tokens(usage).forEach((text, i) => fact(i ? "Tokens out" : "Tokens in", text));
    },
    finish: (reason) => fact("Finish", reason),
    end() {
      speak("", /[^]+/);
      // It may have been removed meanwhile.
      if (!messages.includes(choices[0])) return;
      for (const { id, name } of choices[0].calls) add("tool", "Result of " + name, { id }).write("text", "");
    },
  };
}

function fact(name, text) {
  if (!text) return;
  facts[name] ??= $("facts").appendChild(make("div", {}, make("dt", {}, name), make("dd"))).lastChild;
  facts[name].textContent = text;
}

// Reads a body: hands on the data of each event, or of the whole.
async function receive(answer, take, arrived) {
  const isStream = /^text\/event-stream/.test(answer.headers.get("content-type"));
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let piece; !(piece = await reader.read()).done;) {
    arrived(isStream ? piece.value : "");
    const events = (rest + piece.value).split(isStream ? /\r?\n\r?\n/ : undefined);
    rest = events.pop();
    for (const event of events) {
      const data = event.replace(/^(?!data:).*\n?/gm, "").replace(/^data: ?/gm, "");
      if (data && data !== "[DONE]") take(JSON.parse(data));
    }
  }
  if (isStream) return;
  try {
    rest = JSON.parse(rest);
  } catch {
    arrived(rest);
    throw Error("it is not JSON");
  }
  arrived(pretty(rest));
  take(rest);
}

async function send() {
  if (running) return;
  forgive();
  const last = messages.at(-1), text = $("text").value, begun = performance.now();
  const since = () => `${Math.round(performance.now() - begun)} ms`;
  if (!model()) return fail("Choose a model.", "other");
  if (!text && !/user|tool/.test(last?.role)) return fail("Write a message.", "text");
  try {
    build();
    if (text) add("user", "User").write("text", text);
    $("text").value = "";
    show(sent = build());
  } catch (error) {
    return fail(error.message, error.origin);
  }
  for (const id of ["facts", "spoken", "response"]) $(id).textContent = "";
  facts = {};
  const out = receiver(), { api, body } = sent, log = $("response");
  running = new AbortController();
  busy(true);
  try {
    const answer = await fetch(api.path, {
      method: "POST", headers: headers(api, key()), body: pretty(body), signal: running.signal,
    });
    fact("Status", answer.status);
    log.append(answer.status + "\n", ...[...answer.headers].map((field) => field.join(": ") + "\n"), "\n");
    const cost = answer.headers.get("x-portcullis-cost-usd");
    fact("Cost", cost && "$" + cost);
    await receive(answer, (data) => {
      const error = data.error ?? data.response?.error ?? (data.type === "error" && data);
      if (error) {
        // Anthropic's errors begin with the parameter; those of an unknown model may have none.
        const param = error.param ?? (api.anthropic && /^([\w.]+): /.exec(error.message)?.[1]) ?? (answer.status === 404 && "model");
        return fail(error.message ?? pretty(error), param ? find(param) : answer.status === 401 && "key");
      }
      api.read(data, out);
      const usage = data.usage ?? data.response?.usage ?? data.message?.usage;
      if (usage) out.usage(usage);
    }, (text) => {
      if (!facts["First byte"]) fact("First byte", since());
      log.append(text);
    });
  } catch (error) {
    fail(error.name === "AbortError" ? "Stopped." : "No whole answer: " + error.message);
  }
  fact("Total", since());
  out.end();
  running = undefined;
  busy(false);
}

function busy(is) {
  $("send").ariaDisabled = is;
  if (!is && document.activeElement === $("stop")) $("text").focus();
  $("stop").hidden = !is;
}

// Lists the models that the key may use.
async function list() {
  const isText = $("form").api.value === "completions";
  const fits = (id) => /^(gpt-3\.5-turbo-instruct|davinci|babbage)/.test(id) === isText;
  let ids = [], note = "";
  try {
    const answer = await fetch(api().anthropic ? "v1/models?limit=1000" : "v1/models", { headers: headers(api(), key()) });
    const { data, error } = await answer.json();
    ids = data?.map((model) => model.id) ?? [];
    note = error && (key() ? error.message : "Enter a key. It stays in this tab.");
  } catch (error) {
    note = "No models: " + error.message;
  }
  $("note").textContent = note;
  const before = $("model").value;
  $("model").replaceChildren(...ids.map((id) => new Option(id)), new Option("Other…", ""));
  $("model").value = ids.includes(before) && (fits(before) || !ids.some(fits)) ? before : ids.find(fits) ?? ids[0] ?? "";
  refresh();
}

async function copy({ target }) {
  const source = $(target.dataset.copy);
  getSelection().selectAllChildren(source);
  // Only pages from https or the loopback have a clipboard.
  await (navigator.clipboard?.writeText(source.textContent) ?? document.execCommand("copy"));
  target.textContent = "Copied";
  setTimeout(() => { target.textContent = "Copy"; }, 1500);
}

$("form").onsubmit = (event) => {
  event.preventDefault();
  send();
};
$("form").oninput = ({ target }) => {
  if (target.ariaInvalid) forgive();
  if (target.rows) fit(target);
  sessionStorage.apiKey = key();
  refresh();
};
$("form").onchange = ({ target }) => {
  if (target.name === "api" || target.id === "key") list();
};
$("stop").onclick = () => running.abort();
$("clear").onclick = () => {
  running?.abort();
  messages = [];
  $("history").textContent = "";
  $("text").focus();
  forgive();
  refresh();
};
for (const button of all("[data-copy]")) button.onclick = copy;
document.onkeydown = (event) => {
  if (event.key === "Escape") running?.abort();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("form").requestSubmit();
};

$("key").value = sessionStorage.apiKey ?? "";
list();
