// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What was written to devices, by whom, and what came of it.
#include "command/audit_reader.hpp"
#include "http/api/resources.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace mesura::http::api {

namespace {

std::optional<std::uint64_t> place_of(const Arguments& arguments) {
  if (!arguments.has("before")) return std::nullopt;
  return static_cast<std::uint64_t>(*arguments.integer("before"));
}

Response audit(const Call& call) {
  const Arguments& arguments = call.arguments;
  command::AuditQuery query;
  query.devices = arguments.texts("device");
  query.from_ns = arguments.time_ns("from");
  query.to_ns = arguments.time_ns("to");
  query.before = place_of(arguments);
  query.limit = static_cast<std::size_t>(*arguments.integer("limit"));
  if (call.parts.audit_file.empty())
    throw Refused{503, {"api-no-commands", "devices take no commands here", {}, {}, "`mesura run` does"}};
  const auto page = command::read_audit(call.parts.audit_file, query);
  if (!page.problem.empty())
    throw Refused{503,
                  {"cmd-audit",
                   "the audit log can't be read",
                   {},
                   page.problem,
                   "whom does the state directory belong "
                   "to?"}};
  Response response;
  runtime::JsonWriter json{response.body};
  std::string entries;
  command::append_entries(entries, page.entries);
  json.begin_object().key("entries").raw(entries).key("next");
  if (page.next)
    json.unsigned_integer(*page.next);
  else
    json.null();
  if (page.broken > 0) json.key("broken").unsigned_integer(page.broken);
  json.end_object();
  response.body += '\n';
  return response;
}

}  // namespace

Endpoint audit_endpoint() {
  constexpr double kFarthest = 9e15;  // whole in a double
  Endpoint e;
  e.path = "/api/v1/audit";
  e.summary = "What was written to devices, the newest first";
  e.details =
      "Lines of the audit log: a `write` before bytes go out, a `result` when the command has ended, both with the id "
      "of the command in the log, who asked, and from where. Secrets are masked. `next` of one page is `before` of the "
      "next; null: there are no older ones.";
  Parameter device = repeatable(text("device", "only of devices of this name; * and ? stand for anything"));
  e.parameters = {std::move(device), moment("from", "", "from this time on"), moment("to", "", "up to this time"),
                  integer("limit", 1, 1000, "100", "lines in one answer"),
                  integer("before", 0, kFarthest, "", "`next` of the page before")};
  e.answers = {
      {200,
       "lines of the log",
       {"application/json"},
       R"({"type":"object","required":["entries","next"],"properties":{"entries":{"type":"array","items":{"$ref":"#/components/schemas/AuditEntry"}},"next":{"type":"integer","nullable":true},"broken":{"type":"integer"}}})"}};
  e.errors = {503};
  e.handler = audit;
  return e;
}

}  // namespace mesura::http::api
