"""Embeddings and moderations."""

import math

import openai
from support import Sync

SMALL, LARGE, OLD = "text-embedding-3-small", "text-embedding-3-large", "text-embedding-ada-002"


class Embeddings(Sync):
    def embed(self, text, **parameters):
        return self.client.embeddings.create(**{"model": SMALL, "input": text, **parameters})

    def test_unit_vectors(self):
        for model, length in [(SMALL, 1536), (LARGE, 3072), (OLD, 1536)]:
            answer = self.embed(["one", "two words"], model=model)
            self.assertEqual([item.index for item in answer.data], [0, 1])
            for item in answer.data:
                self.assertEqual(len(item.embedding), length)
                self.assertAlmostEqual(math.hypot(*item.embedding), 1, places=5)
            self.assertEqual((answer.usage.prompt_tokens, answer.usage.total_tokens), (3, 3))

    def test_encoding_formats(self):
        # By default the SDK requests base64 and decodes it.
        floats = self.embed("one", encoding_format="float").data[0].embedding
        decoded = self.embed("one").data[0].embedding
        self.assertEqual(len(floats), len(decoded))
        self.assertTrue(all(math.isclose(a, b, abs_tol=1e-7) for a, b in zip(floats, decoded)))
        self.assertIsInstance(self.embed("one", encoding_format="base64").data[0].embedding, str)

    def test_dimensions(self):
        self.assertEqual(len(self.embed("one", dimensions=8).data[0].embedding), 8)

    def test_likeness(self):
        cat, cats, car = (item.embedding for item in self.embed(
            ["the cat sat on the mat", "a cat on a mat", "quarterly revenue rose"]).data)
        near = lambda a, b: sum(x * y for x, y in zip(a, b))
        self.assertGreater(near(cat, cats), near(cat, car))

    def test_tokens(self):
        # "one" and " two", by cl100k_base.
        embedding = self.embed([[606, 1403]], encoding_format="float").data[0].embedding
        self.assertEqual(embedding, self.embed("one two", encoding_format="float").data[0].embedding)


class Moderations(Sync):
    def test_flagged(self):
        answer = self.client.moderations.create(input=["This is violence.", "A fine day."])
        self.assertTrue(answer.id.startswith("modr-"))
        first, second = answer.results
        self.assertEqual((first.flagged, first.categories.violence), (True, True))
        self.assertGreater(first.category_scores.violence, 0.5)
        self.assertEqual((second.flagged, second.categories.violence), (False, False))
        self.assertEqual(first.category_applied_input_types.violence, ["text"])

    def test_parts(self):
        answer = self.client.moderations.create(model="omni-moderation-latest", input=[
            {"type": "text", "text": "Is this violence?"},
            {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}])
        [result] = answer.results
        self.assertTrue(result.flagged)
        self.assertEqual(result.category_applied_input_types.violence, ["text", "image"])
