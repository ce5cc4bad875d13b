"""Drives langchain-openai's ChatOpenAI as its documentation shows it."""

from __future__ import annotations

import sys
from typing import Any

from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel
from turns import TASKS, answered, main


class Person(BaseModel):
    """A person."""

    name: str
    age: int


@tool
def get_weather(city: str) -> str:
    """Current weather by city"""
    return TASKS["result"]


def model(url: str, key: str = "reference", **more: Any) -> ChatOpenAI:
    return ChatOpenAI(base_url=url, api_key=key, model="reference-1", timeout=3, max_retries=0, **more)  # type: ignore


def _calls(message: Any) -> Any:
    assert not message.invalid_tool_calls, f"invalid: {message.invalid_tool_calls}"
    assert all(call["id"] for call in message.tool_calls), "ids"
    assert len({call["id"] for call in message.tool_calls}) == len(message.tool_calls), "ids"
    return [[call["name"], call["args"]] for call in message.tool_calls]


def _added_up(chunks: Any) -> Any:
    whole = None
    for chunk in chunks:
        whole = chunk if whole is None else whole + chunk
    return whole


def chat(url: str) -> Any:
    return model(url).invoke(TASKS["fox"]).content


def hello(url: str) -> Any:
    return model(url).invoke(TASKS["hello"]).content


def system(url: str) -> Any:
    return model(url).invoke([SystemMessage(TASKS["system"]), HumanMessage(TASKS["hello"])]).content


def history(url: str) -> Any:
    first = model(url).invoke(TASKS["fact"])
    return model(url).invoke([HumanMessage(TASKS["fact"]), first, HumanMessage(TASKS["question"])]).content


def stream(url: str) -> Any:
    return "".join(str(chunk.content) for chunk in model(url).stream(TASKS["count"]))


def tools(url: str) -> Any:
    messages: list[Any] = [HumanMessage(TASKS["weather"])]
    bound, seen = model(url).bind_tools([get_weather]), []
    for _ in range(3):
        message = bound.invoke(messages)
        if not message.tool_calls:
            assert not message.invalid_tool_calls, "invalid"
            return [seen, message.content]
        seen += _calls(message)
        messages += [message, *(ToolMessage(TASKS["result"], tool_call_id=call["id"]) for call in message.tool_calls)]
    raise AssertionError("it never stops calling")


def parallel_tools(url: str) -> Any:
    return _calls(model(url).bind_tools([get_weather]).invoke(TASKS["cities"]))


def streamed_tools(url: str) -> Any:
    return _calls(_added_up(model(url).bind_tools([get_weather]).stream(TASKS["weather"])))


def streamed_parallel_tools(url: str) -> Any:
    return _calls(_added_up(model(url).bind_tools([get_weather]).stream(TASKS["cities"])))


def usage(url: str) -> Any:
    told = model(url).invoke(TASKS["fox"]).usage_metadata
    return [told["input_tokens"], told["output_tokens"], told["total_tokens"]]


def streamed_usage(url: str) -> Any:
    told = _added_up(model(url, stream_usage=True).stream(TASKS["fox"])).usage_metadata
    return [told["input_tokens"], told["output_tokens"], told["total_tokens"]]


def schema(url: str) -> Any:
    return sorted(model(url).with_structured_output(Person, method="json_schema").invoke(TASKS["person"]).model_dump())


def function_schema(url: str) -> Any:
    return sorted(model(url).with_structured_output(Person, method="function_calling").invoke(TASKS["hello"]).model_dump())


def picture(url: str) -> Any:
    parts: Any = [{"type": "text", "text": TASKS["picture"]}, {"type": "image_url", "image_url": {"url": TASKS["png"]}}]
    return model(url).invoke([HumanMessage(parts)]).content


def limit(url: str) -> Any:
    return model(url, max_tokens=10).invoke(TASKS["long"]).content


def wrong_key(url: str) -> Any:
    try:
        model(url, "wrong").invoke(TASKS["hello"])
    except Exception as error:  # noqa: BLE001 - whatever a client raises is what came of it
        return answered(error)


def wrong_model(url: str) -> Any:
    try:
        ChatOpenAI(base_url=url, api_key="reference", model="no-such-model", timeout=3, max_retries=0).invoke("Say hi.")
    except Exception as error:  # noqa: BLE001 - whatever a client raises is what came of it
        return answered(error)


if __name__ == "__main__":
    main(sys.modules[__name__])
