// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What devices can be asked, asking them, and what became of it.
#include "command/arguments.hpp"
#include "command/describe.hpp"
#include "command/envelope.hpp"
#include "config/text.hpp"
#include "http/api/command_desk.hpp"
#include "http/api/resources.hpp"
#include "http/api/texts.hpp"
#include "http/listen_address.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace mesura::http::api {

namespace {

constexpr std::string_view kBody =
    R"({"type":"object","additionalProperties":false,"properties":{"arguments":{"type":"object","description":"as GET /api/v1/devices/{id}/commands describes them"},"dry_run":{"type":"boolean","default":false,"description":"ask the device what must be known, and tell the bytes in place of sending them"},"confirm":{"type":"string","description":"the device's name, for what is dangerous"}}})";
constexpr std::string_view kJobSchema = R"({"$ref":"#/components/schemas/Command"})";
constexpr std::string_view kFailedSchema =
    R"({"oneOf":[{"$ref":"#/components/schemas/Command"},{"$ref":"#/components/schemas/Error"}]})";

const std::vector<std::string> kJson{"application/json"};

CommandDesk& desk_of(const Call& call) {
  if (!call.parts.commands)
    throw Refused{503, {"api-no-commands", "devices take no commands here", {}, {}, "`mesura run` does"}};
  return *call.parts.commands;
}

CommandDesk::Offer offer_of(const Call& call, const std::string& device) {
  auto offer = desk_of(call).offer(device);
  if (!offer)
    throw Refused{
        503,
        {"api-busy", "the collector does not answer", "an answer within two seconds", "", "ask again in a moment"}};
  if (!offer->known)
    throw Refused{404,
                  {"cmd-unknown-device",
                   fmt::format("no device is named {}", config::quote(device)),
                   {},
                   {},
                   "GET /api/v1/devices lists them"}};
  return std::move(*offer);
}

bool may_control(const Call& call) { return call.request.principal.role >= Role::control; }

Response list(const Call& call) {
  const std::string& device = call.arguments.text("id");
  const auto offer = offer_of(call, device);
  Response response;
  runtime::JsonWriter json{response.body};
  json.begin_object().key("device").string(device).key("plugin").string(offer.plugin);
  json.key("commands").begin_array();
  for (const auto& spec : offer.commands) {
    std::string one;
    command::append_command(one, spec, may_control(call) ? offer.control : command::Control::off);
    json.raw(one);
  }
  json.end_array().end_object();
  response.body += '\n';
  return response;
}

const config::CommandSpec& spec_of(const CommandDesk::Offer& offer, const std::string& name) {
  const auto found = std::find_if(offer.commands.begin(), offer.commands.end(),
                                  [&](const config::CommandSpec& spec) { return spec.name == name; });
  if (found != offer.commands.end()) return *found;
  std::vector<std::string> names;
  for (const auto& spec : offer.commands) names.push_back(spec.name);
  if (names.empty())
    throw Refused{404,
                  {"cmd-unknown", fmt::format("devices of plugin '{}' take no commands", offer.plugin), {}, {}, {}}};
  throw Refused{404,
                {"cmd-unknown",
                 fmt::format("plugin '{}' has no command {}", offer.plugin, config::quote(name)),
                 config::joined(names),
                 {},
                 config::did_you_mean(name, names)}};
}

[[noreturn]] void refuse(int status, const config::Diagnostic& d) {
  throw Refused{status, {d.code, d.message, d.expected, d.got, d.hint}};
}

/// Every mistake in one answer: a form can mark all of its fields.
Response wrong_arguments(const config::Diagnostics& diagnostics) {
  Response response;
  response.status = 400;
  response.etag = false;
  runtime::JsonWriter json{response.body};
  const auto members = [&](const config::Diagnostic& d) {
    json.key("code").string(d.code).key("message").string(d.message);
    if (!d.expected.empty()) json.key("expected").string(d.expected);
    if (!d.got.empty()) json.key("got").string(d.got);
    if (!d.hint.empty()) json.key("hint").string(d.hint);
  };
  const auto& all = diagnostics.list();
  json.begin_object().key("error").begin_object();
  members(all.front());
  if (all.size() > 1) {
    json.key("more").begin_array();
    for (std::size_t i = 1; i < all.size(); ++i) {
      json.begin_object();
      members(all[i]);
      json.end_object();
    }
    json.end_array();
  }
  json.end_object().end_object();
  response.body += '\n';
  return response;
}

/// Of a command that has ended.
int http_status(command::Status status, bool confirm_given) {
  using enum command::Status;
  switch (status) {
    case done:
    case plan: return 200;
    case arguments: return 400;
    case forbidden: return 403;
    case unknown: return 404;
    case refused:
    case invalid:
    case mismatch:
    case unverified:
    case cancelled: return 409;
    case unconfirmed: return confirm_given ? 412 : 428;
    case busy: return 429;
    case unaudited: return 503;
    case unreachable:
    case failed: return 502;
    case timeout: return 504;
  }
  return 500;
}

Response job_response(const CommandDesk::Job& job, int status) {
  Response response;
  response.status = status;
  response.etag = false;
  append_job(response.body, job, false);
  response.body += '\n';
  if (status == 202) response.headers.emplace_back("Location", "/api/v1/commands/" + job.id);
  return response;
}

/// Who may not, is told what it takes.
std::optional<Response> role_refusal(const Call& call, const config::CommandSpec& spec) {
  if (may_control(call)) return std::nullopt;
  const bool anonymous = call.request.principal.name.empty();
  auto response =
      error_response(anonymous ? 401 : 403,
                     {anonymous ? "http-login" : "http-role",
                      fmt::format("command '{}' ({}) takes {}role control", spec.name, to_string(spec.danger),
                                  anonymous ? "a login with " : ""),
                      {},
                      anonymous ? "nobody logged in" : fmt::format("role read of {}", call.request.principal.name),
                      "role read is enough for commands that change nothing, and for dry runs"});
  if (anonymous) response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"mesura\"");
  return response;
}

command::Origin origin_of(const Request& request) {
  std::string who = request.principal.name;
  if (who.empty()) who = is_loopback_host(request.peer) ? "loopback" : "anybody";
  return {std::move(who), "http", request.peer};
}

command::Envelope envelope_of(const Request& request) {
  const auto type = request.header("Content-Type").value_or("");
  if (!request.body.empty() && !type.starts_with("application/json"))
    throw Refused{415,
                  {"http-type",
                   "the body is of another type",
                   "Content-Type: application/json",
                   type.empty() ? "none" : config::quote(type),
                   {}}};
  auto read = command::read_envelope(request.body, false);
  if (read.problem) refuse(400, *read.problem);
  return std::move(read.envelope);
}

Response too_busy() {
  auto response = error_response(429, {"cmd-busy",
                                       "too many commands are at work",
                                       {},
                                       {},
                                       "wait for one to end: GET /api/v1/commands lists them; who has role read may "
                                       "have one at work for each device"});
  response.headers.emplace_back("Retry-After", "2");
  return response;
}

/// The executor speaks to people at a command line.
CommandDesk::Job told_for_http(CommandDesk::Job job) {
  if (job.result->status != command::Status::unconfirmed) return job;
  auto result = std::make_shared<command::Result>(*job.result);
  result->hint = fmt::format("\"confirm\": \"{}\" in the body says that it is meant", job.device);
  job.result = std::move(result);
  return job;
}

Response submit(const Call& call) {
  const std::string& device = call.arguments.text("id");
  auto envelope = envelope_of(call.request);
  const auto offer = offer_of(call, device);
  const auto& spec = spec_of(offer, call.arguments.text("name"));
  if (spec.danger != config::Danger::read && !envelope.dry_run)
    if (auto refusal = role_refusal(call, spec)) return std::move(*refusal);
  auto arguments = command::read_json(spec, envelope.arguments);
  if (!arguments.ok()) return wrong_arguments(arguments.diagnostics);
  command::Request request{spec.name, std::move(arguments.values), envelope.dry_run, envelope.confirm == device,
                           origin_of(call.request)};
  CommandDesk& desk = desk_of(call);
  auto job = desk.submit(device, offer.plugin, std::move(request), !may_control(call));
  if (!job) return too_busy();
  const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(*call.arguments.duration("wait"));
  if (auto later = desk.wait(job->id, wait)) job = std::move(later);
  if (!job->result) return job_response(*job, 202);
  const int status = http_status(job->result->status, !envelope.confirm.empty());
  return job_response(told_for_http(std::move(*job)), status);
}

CommandDesk::Job known_job(const Call& call, std::optional<CommandDesk::Job> job) {
  if (!job)
    throw Refused{404,
                  {"cmd-unknown-id",
                   fmt::format("no command has the id {}", config::quote(call.arguments.text("id"))),
                   {},
                   {},
                   "results are kept for 15 minutes, while the service runs"}};
  return std::move(*job);
}

Response one(const Call& call) {
  const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(*call.arguments.duration("wait"));
  return job_response(known_job(call, desk_of(call).wait(call.arguments.text("id"), wait)), 200);
}

Response cancel(const Call& call) {
  CommandDesk& desk = desk_of(call);
  const std::string& id = call.arguments.text("id");
  const auto job = known_job(call, desk.find(id));
  if (job.result) return job_response(job, 200);
  desk.cancel(id);
  // It comes at once, unless the collector is busy.
  constexpr std::chrono::milliseconds kSoon{500};
  const auto after = known_job(call, desk.wait(id, kSoon));
  return job_response(after, after.result ? 200 : 202);
}

Response jobs(const Call& call) {
  const std::string& device = call.arguments.text("device");
  Response response;
  response.etag = false;
  runtime::JsonWriter json{response.body};
  json.begin_object().key("commands").begin_array();
  for (const auto& job : desk_of(call).jobs()) {
    if (!device.empty() && job.device != device) continue;
    std::string text;
    append_job(text, job, true);
    json.raw(text);
  }
  json.end_array().end_object();
  response.body += '\n';
  return response;
}

Parameter wait_parameter(std::string fallback) {
  Parameter p = duration("wait", 0, 30, std::move(fallback), "wait so long for the result");
  p.example = "2s";
  return p;
}

}  // namespace

Endpoint commands_endpoint() {
  Endpoint e;
  e.path = "/api/v1/devices/{id}/commands";
  e.summary = "What can be asked of a device";
  e.details =
      "`arguments` is the JSON Schema of the object that the command takes; `danger` is read, write, dangerous or raw; "
      "`allowed` tells whether the device's `control` and your role permit it; `confirm` whether its name must be sent "
      "along.";
  e.parameters = {in_path("id", "name of the device")};
  e.answers = {
      {200, "its commands", kJson,
       R"({"type":"object","required":["device","plugin","commands"],"properties":{"device":{"type":"string"},"plugin":{"type":"string"},"commands":{"type":"array","items":{"$ref":"#/components/schemas/CommandDescription"}}}})"}};
  e.errors = {404, 503};
  e.handler = list;
  return e;
}

Endpoint command_endpoint() {
  Endpoint e;
  e.method = "POST";
  e.path = "/api/v1/devices/{id}/commands/{name}";
  e.summary = "Asks a device";
  e.details =
      "Arguments are checked before anything is sent; what is written is read back and compared, and is in the audit "
      "log before it is on the wire. `danger: read` and dry runs take role read, one at a time for each device; all "
      "else takes role control. `status` in the answer says how it ended, in stable words; the HTTP status follows it. "
      "When it has not ended within `wait`, or too many requests wait already, the answer is 202 and `Location` says "
      "where to ask again.";
  // Files come as base64.
  e.body_bytes = command::kMostContent / 2 * 3;
  e.body = kBody;
  e.parameters = {in_path("id", "name of the device"), in_path("name", "name of the command"), wait_parameter("10s")};
  const std::string failed{kFailedSchema};
  e.answers = {{200, "done, or the plan of a dry run", kJson, std::string{kJobSchema}},
               {202, "at work", kJson, std::string{kJobSchema}},
               {403, "the device is read-only, or this takes another role", kJson, failed},
               {404, "there is no such device or command", kJson, failed},
               {409, "refused, invalid, mismatch, unverified or cancelled", kJson, failed},
               {412, "`confirm` is not the device's name", kJson, failed},
               {428, "dangerous: `confirm` is missing", kJson, failed},
               {429, "too many commands are at work", kJson, failed},
               {502, "the device is unreachable, or its session failed", kJson, failed},
               {503, "the audit log can't be written, or the collector does not answer", kJson, failed},
               {504, "the device did not answer in time", kJson, failed}};
  e.errors = {413, 415};
  e.handler = submit;
  return e;
}

Endpoint jobs_endpoint() {
  Endpoint e;
  e.path = "/api/v1/commands";
  e.summary = "Commands that were sent over HTTP, the newest first";
  e.details = "Those at work, and results of the last 15 minutes; long ones without what the device told.";
  e.parameters = {text("device", "only of this one")};
  e.answers = {
      {200, "commands", kJson,
       R"({"type":"object","required":["commands"],"properties":{"commands":{"type":"array","items":{"$ref":"#/components/schemas/Command"}}}})"}};
  e.errors = {503};
  e.handler = jobs;
  return e;
}

Endpoint job_endpoint() {
  Endpoint e;
  e.path = "/api/v1/commands/{id}";
  e.summary = "One command: its progress or its result";
  e.details = "Always 200: `state` says whether it has ended, `status` how.";
  e.parameters = {in_path("id", "as the answer to the command gave it"), wait_parameter("0s")};
  e.answers = {{200, "the command", kJson, std::string{kJobSchema}}};
  e.errors = {404, 503};
  e.handler = one;
  return e;
}

Endpoint cancel_endpoint() {
  Endpoint e;
  e.method = "DELETE";
  e.path = "/api/v1/commands/{id}";
  e.summary = "Calls a command off";
  e.details = "What was sent before may have taken effect. A command that has ended stays as it is.";
  e.role = Role::control;
  e.parameters = {in_path("id", "as the answer to the command gave it")};
  e.answers = {{200, "it has ended", kJson, std::string{kJobSchema}},
               {202, "it will end soon", kJson, std::string{kJobSchema}}};
  e.errors = {403, 404, 503};
  e.handler = cancel;
  return e;
}

}  // namespace mesura::http::api
