"""A client of the Model Context Protocol by the Python SDK: `mcp_client.py SERVER CLIENT_ID REDIRECT_URI`.

It writes the address that the person is to open, reads the query of the way back, and writes what it was told as JSON."""

import asyncio
import json
import sys
from urllib.parse import parse_qs

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider, oauth2
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata

server, client_id, redirect_uri = sys.argv[1:]
# The SDK takes https alone, and the test's client is on this machine.
oauth2.is_valid_client_metadata_url = lambda url: True


class Storage:
    tokens = client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


async def redirect(url):
    print(url, flush=True)


async def callback():
    query = parse_qs(await asyncio.to_thread(sys.stdin.readline))
    first = {name: values[0].strip() for name, values in query.items()}
    return AuthorizationCodeResult(code=first["code"], state=first.get("state"), iss=first.get("iss"))


async def main():
    metadata = OAuthClientMetadata(client_name="Example agent", redirect_uris=[redirect_uri])
    auth = OAuthClientProvider(server, metadata, Storage(), redirect, callback, client_metadata_url=client_id)
    async with httpx2.AsyncClient(auth=auth) as http, Client(streamable_http_client(server, http_client=http)) as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        said = await client.call_tool("search", {"q": "Ünï"})
        try:
            refused = (await client.call_tool("dump", {})).is_error
        except Exception as error:  # whatever the SDK makes of a refusal
            refused = type(error).__name__
        print(json.dumps({"tools": tools, "said": said.content[0].text, "refused": refused}), flush=True)


asyncio.run(main())
