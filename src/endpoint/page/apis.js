// The four APIs: where each is, how the form becomes its request, and what its answers contain.
//
// `build` gets what the form has; `read` reports one event, or a whole answer, to `out` of page.js. The first argument
// of `out.text` and its like is the index of the choice, the second of `out.call` and `out.input` that of the call.

// The message that an item of a request was made from, so that an error which names the item marks the message.
const origins = new WeakMap();
const from = (origin, item) => (origins.set(item, origin), item);

// What is there only sometimes, in a list.
const some = (condition, ...items) => condition ? items : [];

// Function tools in any API's form, in the form that `shape` gives them; other tools stay as they are.
const shaped = (tools, shape) => tools && [tools].flat().map((tool) => {
  const { type, input_schema, parameters = input_schema, ...rest } = tool.function ?? tool;
  return type && type !== "function" && !parameters ? tool : shape({ ...rest, parameters });
});

// A response format in any API's form, or a bare JSON schema, in the form of Responses.
function flat(format) {
  if (!format) return;
  const given = /^(object|array|undefined)$/.test(format.type) ? { schema: format } : format;
  const { json_schema, schema, ...rest } = { ...given, ...given.json_schema };
  return schema ? { type: "json_schema", name: "answer", ...rest, schema } : rest;
}

const sampling = ({ temperature, n, seed, stream }) =>
  ({ temperature, n, seed, stream, stream_options: stream && { include_usage: true } });

// Reads what both completions APIs answer with.
function choices(data, out) {
  for (const { index, text, message, delta = message ?? {}, finish_reason } of data.choices ?? []) {
    out.thinking(index, delta.reasoning_content ?? delta.reasoning);
    out.text(index, text ?? delta.content ?? delta.refusal);
    delta.tool_calls?.forEach((call, i) => {
      const { name, arguments: input } = call.function ?? call.custom ?? {};
      if (name) out.call(index, call.index ?? i, call.id, name);
      out.input(index, call.index ?? i, input ?? call.custom?.input);
    });
    out.finish(finish_reason);
  }
}

const APIS = {
  chat: {
    path: "v1/chat/completions",
    build(f) {
      const { type, name, schema, ...rest } = flat(f.format) ?? {};
      return {
        model: f.model,
        messages: [
          ...some(f.system, from("system", { role: "system", content: f.system })),
          ...f.messages.map((m) => from(m, {
            role: m.role,
            tool_call_id: m.id,
            content: m.text || (m.calls[0] ? null : ""),
            tool_calls: m.calls[0] && m.calls.map(({ id, name, input }) =>
              ({ id, type: "function", function: { name, arguments: input } })),
          })),
        ],
        ...sampling(f),
        max_completion_tokens: f.limit,
        reasoning_effort: f.effort,
        tools: shaped(f.tools, (tool) => ({ type: "function", function: tool })),
        response_format: type && { type, ...(schema ? { json_schema: { name, schema, ...rest } } : rest) },
      };
    },
    read: choices,
  },

  responses: {
    path: "v1/responses",
    build: (f) => ({
      model: f.model,
      instructions: f.system,
      input: f.messages.flatMap((m) => [
        ...some(m.text && !m.id, from(m, { role: m.role, content: m.text })),
        ...m.calls.map(({ id, name, input }) =>
          from(m, { type: "function_call", call_id: id, name, arguments: input })),
        ...some(m.id, from(m, { type: "function_call_output", call_id: m.id, output: m.text })),
      ]),
      temperature: f.temperature,
      max_output_tokens: f.limit,
      reasoning: f.effort && { effort: f.effort, summary: "auto" },
      tools: shaped(f.tools, (tool) => ({ type: "function", ...tool })),
      text: f.format && { format: flat(f.format) },
      store: false,
      stream: f.stream,
    }),
    read(data, out) {
      const { type, item, output_index: at, delta } = data, whole = data.response ?? data;
      if (/(output_text|refusal)\.delta$/.test(type)) out.text(0, delta);
      if (/reasoning\w*\.delta$/.test(type)) out.thinking(0, delta);
      if (/call\w*\.delta$/.test(type)) out.input(0, at, delta);
      if (item?.name && /added$/.test(type)) out.call(0, at, item.call_id, item.name);
      if (data.output) whole.output.forEach((item, i) => {
        item.summary?.forEach((part) => out.thinking(0, part.text));
        if (item.role) item.content.forEach((part) => out.text(0, part.text ?? part.refusal));
        if (item.name) out.call(0, i, item.call_id, item.name);
        out.input(0, i, item.arguments ?? item.input);
      });
      out.finish(whole.incomplete_details?.reason ?? whole.status);
    },
  },

  messages: {
    path: "v1/messages",
    anthropic: true,
    build: (f) => ({
      model: f.model,
      max_tokens: f.limit ?? 4096,
      system: f.system,
      messages: f.messages.map((m) => from(m, m.id
        ? { role: "user", content: [{ type: "tool_result", tool_use_id: m.id, content: m.text }] }
        : { role: m.role, content: m.calls[0] ? blocks(m) : m.text })),
      temperature: f.temperature,
      thinking: f.effort && { type: "adaptive" },
      output_config: (f.effort || f.format) && {
        effort: f.effort,
        format: f.format && { type: "json_schema", schema: flat(f.format).schema },
      },
      tools: shaped(f.tools, ({ parameters, ...tool }) => ({ ...tool, input_schema: parameters ?? { type: "object" } })),
      stream: f.stream,
    }),
    read(data, out) {
      (data.content ?? [data.content_block ?? data.delta ?? {}]).forEach((part, i) => {
        const at = data.index ?? i;
        out.thinking(0, part.thinking);
        out.block(at, part);
        out.text(0, part.text);
        if (part.name) out.call(0, at, part.id, part.name);
        out.input(0, at, part.partial_json ?? (data.content && part.input && JSON.stringify(part.input)));
        out.finish(part.stop_reason);
      });
      out.finish(data.stop_reason);
    },
  },

  completions: {
    path: "v1/completions",
    build: (f) => ({ model: f.model, prompt: f.messages.map((m) => m.text).join(""), ...sampling(f), max_tokens: f.limit }),
    read: choices,
  },
};

// An answer with calls as the Messages API takes it back: with its thinking as it was.
const blocks = (m) => [
  ...Object.values(m.blocks),
  ...some(m.text, { type: "text", text: m.text }),
  ...m.calls.map(({ id, name, input }) => ({ type: "tool_use", id, name, input: parse(input || "{}", m) })),
];

// Tokens of the request and of the answer, by the names of all four APIs.
function tokens(usage) {
  const count = (all, detail, what) => all && all + (detail ? ` (${detail} ${what})` : "");
  const inside = usage.prompt_tokens_details ?? usage.input_tokens_details;
  const outside = usage.completion_tokens_details ?? usage.output_tokens_details;
  return [
    count(usage.prompt_tokens ?? usage.input_tokens, inside?.cached_tokens ?? usage.cache_read_input_tokens, "cached"),
    count(usage.completion_tokens ?? usage.output_tokens, outside?.reasoning_tokens ?? outside?.thinking_tokens, "reasoning"),
  ];
}
