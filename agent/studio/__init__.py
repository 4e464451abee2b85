"""The edge for LangGraph clients (`langgraph dev`, Studio, Agent Chat UI, Agent Inbox): `langgraph.json` names it.

- `graphs`: the graphs with their ports bound to the workspace
- `auth`: who may call, from where, and what nobody may do
"""
