"""The models: listed and retrieved."""

import openai
from support import MODEL, Async, Sync


class Models(Sync):
    def test_list(self):
        models = self.client.models.list()
        self.assertIn(MODEL, [model.id for model in models])
        for model in models:
            self.assertEqual(model.object, "model")
            self.assertIsInstance(model.created, int)
            self.assertTrue(model.owned_by)

    def test_retrieve(self):
        listed = {model.id: model for model in self.client.models.list()}
        self.assertEqual(self.client.models.retrieve(MODEL), listed[MODEL])

    def test_unknown(self):
        with self.assertRaises(openai.NotFoundError) as caught:
            self.client.models.retrieve("gpt-0")
        self.assertEqual(caught.exception.code, "model_not_found")
        self.assertEqual(caught.exception.param, "model")


class AsyncModels(Async):
    async def test_list(self):
        self.assertIn(MODEL, [model.id async for model in self.client.models.list()])

    async def test_retrieve(self):
        model = await self.client.models.retrieve(MODEL)
        self.assertEqual((model.id, model.object), (MODEL, "model"))
