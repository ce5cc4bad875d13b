"""Drives openai-python as its documentation shows it. One task a function; what comes back is what a program would use."""

from __future__ import annotations

import json
import sys
from typing import Any

from openai import OpenAI, pydantic_function_tool
from pydantic import BaseModel
from turns import TASKS, answered, main

MODEL = "reference-1"
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather by city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class get_weather(BaseModel):  # noqa: N801 - the name is that of the tool
    """Current weather by city"""

    city: str


class Person(BaseModel):
    name: str
    age: int


def client(url: str, key: str = "reference") -> OpenAI:
    return OpenAI(base_url=url, api_key=key, timeout=3, max_retries=0)


def user(text: Any) -> Any:
    return {"role": "user", "content": text}


def plain(url: str, messages: list[Any], **more: Any) -> Any:
    return client(url).chat.completions.create(model=MODEL, messages=messages, **more)


def streamed(url: str, messages: list[Any], **more: Any) -> tuple[str, list[dict[str, str]], Any]:
    """The loop of every example: text is added up, calls by their index."""
    text, calls, usage = "", {}, None
    for chunk in plain(url, messages, stream=True, **more):
        usage = chunk.usage or usage
        if not chunk.choices:
            continue
        delta = chunk.choices[0].delta
        text += delta.content or ""
        for part in delta.tool_calls or []:
            call = calls.setdefault(part.index, {"id": "", "name": "", "arguments": ""})
            call["id"] = part.id or call["id"]
            call["name"] += part.function.name or ""
            call["arguments"] += part.function.arguments or ""
    return text, list(calls.values()), usage


def in_order(calls: list[dict[str, str]]) -> Any:
    assert all(call["id"] for call in calls), "ids"
    assert len({call["id"] for call in calls}) == len(calls), "ids"
    return [[call["name"], json.loads(call["arguments"])] for call in calls]


def chat(url: str) -> Any:
    return plain(url, [user(TASKS["fox"])]).choices[0].message.content


def hello(url: str) -> Any:
    return plain(url, [user(TASKS["hello"])]).choices[0].message.content


def system(url: str) -> Any:
    return plain(url, [{"role": "system", "content": TASKS["system"]}, user(TASKS["hello"])]).choices[0].message.content


def history(url: str) -> Any:
    first = plain(url, [user(TASKS["fact"])]).choices[0].message
    return plain(url, [user(TASKS["fact"]), first, user(TASKS["question"])]).choices[0].message.content


def stream(url: str) -> Any:
    return streamed(url, [user(TASKS["count"])])[0]


def stream_helper(url: str) -> Any:
    with client(url).chat.completions.stream(model=MODEL, messages=[user(TASKS["count"])]) as events:
        said = "".join(event.delta for event in events if event.type == "content.delta")
        return [said, events.get_final_completion().choices[0].message.content]


def stream_helper_tools(url: str) -> Any:
    tools = [pydantic_function_tool(get_weather)]
    with client(url).chat.completions.stream(model=MODEL, messages=[user(TASKS["cities"])], tools=tools) as events:
        message = events.get_final_completion().choices[0].message
    return [[call.function.name, str(call.function.parsed_arguments)] for call in message.tool_calls or []]


def tools(url: str) -> Any:
    """The loop of every agent: while the model calls, its message and the results are sent back."""
    messages, seen = [user(TASKS["weather"])], []
    for _ in range(3):
        choice = plain(url, messages, tools=[TOOL]).choices[0]
        if not choice.message.tool_calls:
            return [seen, choice.message.content]
        messages.append(choice.message)
        for call in choice.message.tool_calls:
            seen.append([call.function.name, json.loads(call.function.arguments)])
            messages.append({"role": "tool", "tool_call_id": call.id, "content": TASKS["result"]})
    raise AssertionError("it never stops calling")


def parallel_tools(url: str) -> Any:
    message = plain(url, [user(TASKS["cities"])], tools=[TOOL]).choices[0].message
    return in_order(
        [{"id": one.id, "name": one.function.name, "arguments": one.function.arguments} for one in message.tool_calls or []]
    )


def streamed_tools(url: str) -> Any:
    return in_order(streamed(url, [user(TASKS["weather"])], tools=[TOOL])[1])


def streamed_parallel_tools(url: str) -> Any:
    return in_order(streamed(url, [user(TASKS["cities"])], tools=[TOOL])[1])


def usage(url: str) -> Any:
    told = plain(url, [user(TASKS["fox"])]).usage
    return [told.prompt_tokens, told.completion_tokens, told.total_tokens]


def streamed_usage(url: str) -> Any:
    told = streamed(url, [user(TASKS["fox"])], stream_options={"include_usage": True})[2]
    return [told.prompt_tokens, told.completion_tokens, told.total_tokens]


def schema(url: str) -> Any:
    parsed = client(url).chat.completions.parse(model=MODEL, messages=[user(TASKS["person"])], response_format=Person)
    return sorted(parsed.choices[0].message.parsed.model_dump())


def picture(url: str) -> Any:
    parts = [{"type": "text", "text": TASKS["picture"]}, {"type": "image_url", "image_url": {"url": TASKS["png"]}}]
    return plain(url, [user(parts)]).choices[0].message.content


def limit(url: str) -> Any:
    return plain(url, [user(TASKS["long"])], max_tokens=10).choices[0].message.content


def newer_limit(url: str) -> Any:
    return plain(url, [user(TASKS["long"])], max_completion_tokens=10).choices[0].message.content


def developer(url: str) -> Any:
    return plain(url, [{"role": "developer", "content": TASKS["system"]}, user(TASKS["hello"])]).choices[0].message.content


def required(url: str) -> Any:
    message = plain(url, [user(TASKS["hello"])], tools=[TOOL], tool_choice="required").choices[0].message
    return [[call.function.name, sorted(json.loads(call.function.arguments))] for call in message.tool_calls]


def models(url: str) -> Any:
    return [model.id for model in client(url).models.list()]


def wrong_key(url: str) -> Any:
    try:
        client(url, "wrong").models.list()
        client(url, "wrong").chat.completions.create(model=MODEL, messages=[user(TASKS["hello"])])
    except Exception as error:  # noqa: BLE001 - whatever a client raises is what came of it
        return answered(error)


def wrong_model(url: str) -> Any:
    try:
        client(url).chat.completions.create(model="no-such-model", messages=[user(TASKS["hello"])])
    except Exception as error:  # noqa: BLE001 - whatever a client raises is what came of it
        return answered(error)


if __name__ == "__main__":
    main(sys.modules[__name__])
