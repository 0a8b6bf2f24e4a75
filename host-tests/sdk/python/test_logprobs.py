"""Log probabilities: of both endpoints, plain and streamed."""

import math

from support import MODEL, TEXT_MODEL, Sync, user

TEXT = "Hello, wörld 🌍 for the 3rd time!"


class Chat(Sync):
    def create(self, **parameters):
        return self.client.chat.completions.create(
            model=MODEL, messages=user(TEXT), logprobs=True, **parameters
        )

    def check(self, entries, alternatives):
        """Checks the entries of a response whose content is `TEXT`."""
        content = b"".join(bytes(entry.bytes) for entry in entries)
        self.assertEqual(content.decode(), TEXT)
        for entry in entries:
            self.assertLessEqual(entry.logprob, 0)
            self.assertEqual(len(entry.top_logprobs), alternatives)
            values = [other.logprob for other in entry.top_logprobs]
            self.assertEqual(values, sorted(values, reverse=True))
            self.assertLessEqual(sum(map(math.exp, values)), 1 + 1e-6)
            self.assertEqual(len({tuple(other.bytes) for other in entry.top_logprobs}), alternatives)

    def test_whole(self):
        for alternatives in [0, 1, 20]:
            answer = self.create(top_logprobs=alternatives)
            [choice] = answer.choices
            self.check(choice.logprobs.content, alternatives)
            self.assertIsNone(choice.logprobs.refusal)
            self.assertEqual(len(choice.logprobs.content), answer.usage.completion_tokens)

    def test_streamed(self):
        whole = self.create(top_logprobs=3).choices[0].logprobs.content
        entries, text = [], ""
        for chunk in self.create(top_logprobs=3, stream=True):
            [choice] = chunk.choices
            entries += choice.logprobs.content if choice.logprobs else []
            text += choice.delta.content or ""
            # Half a character is held back until the rest arrives; its entries may arrive before.
            self.assertTrue(b"".join(bytes(entry.bytes) for entry in entries).startswith(text.encode()))
        self.assertEqual((text, entries), (TEXT, whole))

    def test_the_stream_helper(self):
        with self.client.chat.completions.stream(
            model=MODEL, messages=user(TEXT), logprobs=True, top_logprobs=2
        ) as stream:
            events = list(stream)
            answer = stream.get_final_completion()
        self.check(answer.choices[0].logprobs.content, 2)
        deltas = [entry for event in events if event.type == "logprobs.content.delta" for entry in event.content]
        self.assertEqual(deltas, answer.choices[0].logprobs.content)
        [done] = [event for event in events if event.type == "logprobs.content.done"]
        self.assertEqual(done.content, deltas)

    def test_several_choices_streamed(self):
        entries = {0: [], 1: []}
        for chunk in self.create(n=2, stream=True, temperature=0):
            for choice in chunk.choices:
                entries[choice.index] += choice.logprobs.content if choice.logprobs else []
        for of_choice in entries.values():
            self.check(of_choice, 0)


class Text(Sync):
    def create(self, prompt=TEXT, **parameters):
        return self.client.completions.create(**{"model": TEXT_MODEL, "prompt": prompt, "max_tokens": 32, **parameters})

    def check(self, logprobs, alternatives, text, first=0):
        self.assertEqual("".join(logprobs.tokens), text)
        self.assertEqual({len(logprobs.tokens)}, {
            len(logprobs.token_logprobs), len(logprobs.top_logprobs), len(logprobs.text_offset)})
        self.assertEqual(logprobs.text_offset[0], first)
        self.assertEqual(logprobs.text_offset, sorted(logprobs.text_offset))
        for token, value, others in zip(logprobs.tokens, logprobs.token_logprobs, logprobs.top_logprobs):
            self.assertLessEqual(value, 0)
            # The sampled token is added if it is not among the most likely ones.
            self.assertIn(len(others), (alternatives, alternatives + 1))
            self.assertAlmostEqual(others[token], value)

    def test_whole(self):
        text = "one two three four"
        for alternatives in [1, 5]:
            answer = self.create(text, logprobs=alternatives)
            [choice] = answer.choices
            self.check(choice.logprobs, alternatives, text, first=len(text))
            self.assertEqual(len(choice.logprobs.tokens), answer.usage.completion_tokens)

    def test_echoed(self):
        [choice] = self.create("one two", logprobs=2, echo=True).choices
        logprobs = choice.logprobs
        self.assertEqual("".join(logprobs.tokens), "one twoone two")
        self.assertEqual((logprobs.token_logprobs[0], logprobs.top_logprobs[0]), (None, None))
        self.assertEqual(logprobs.text_offset, [0, 3, 7, 10])

    def test_streamed(self):
        [whole] = self.create("one two three", logprobs=3).choices
        tokens, values, offsets = [], [], []
        for chunk in self.create("one two three", logprobs=3, stream=True):
            [choice] = chunk.choices
            if choice.logprobs:
                tokens += choice.logprobs.tokens
                values += choice.logprobs.token_logprobs
                offsets += choice.logprobs.text_offset
        self.assertEqual(
            (tokens, values, offsets),
            (whole.logprobs.tokens, whole.logprobs.token_logprobs, whole.logprobs.text_offset),
        )

    def test_none_by_default(self):
        self.assertIsNone(self.create("one").choices[0].logprobs)
