. as $thread
# Instagram names its participants by user name, Messenger does not.
| (if any(.participants.data | list[]; has("username")) then "instagram" else "messenger" end) as $platform
| .messages.data | list[]
| select(.from.id as $from | any($thread.page_ids[]; . == $from) | not)
| if .id == null or .from.id == null then error("a message has no id or no sender") else . end
| {
    type: "message",
    external_id: .id,
    updated_at: (.created_time | instant),
    identifiers: [{kind: "account", value: .from.id}],
    data: {
      thread: $thread.id,
      sent_at: (.created_time | instant),
      direction: "inbound",
      platform: $platform,
      text: .message,
      sender_name: (.from.name // .from.username)
    }
  }
