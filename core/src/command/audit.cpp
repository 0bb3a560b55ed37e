// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "command/audit.hpp"

#include "command/arguments.hpp"
#include "runtime/json.hpp"
#include "runtime/time_text.hpp"
#include "runtime/unique_fd.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <simdjson.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace mesura::command {

namespace {

using runtime::JsonWriter;

/// Of longer sendings (files) the log has the beginning.
constexpr std::size_t kMostSent = 512;

bool has_secret(const AuditLog::Entry& entry) {
  return std::any_of(entry.command.arguments.begin(), entry.command.arguments.end(), [&](const config::Field& f) {
    return f.schema.type == config::Type::secret && entry.arguments[f.name].present();
  });
}

void head(JsonWriter& json, const AuditLog::Entry& entry, std::string_view event, std::string_view boot,
          std::int64_t now_ns) {
  json.begin_object().key("time").string(runtime::format_time(now_ns)).key("event").string(event);
  json.key("id").string(fmt::format("{}-{}", boot, entry.id)).key("device").string(entry.device);
  json.key("command").string(entry.command.name).key("arguments");
  std::string arguments;
  append_json(arguments, entry.command, entry.arguments, true);
  json.raw(arguments).key("who").string(entry.origin.who).key("via").string(entry.origin.via);
  json.key("from").string(entry.origin.from);
}

/// The members before and after of what the plugin told; empty where there are none.
std::pair<std::string, std::string> before_and_after(const std::string& json) {
  std::pair<std::string, std::string> found;
  if (json.empty()) return found;
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(simdjson::padded_string{json}).get(object) != simdjson::SUCCESS) return found;
  simdjson::dom::element element;
  if (object["before"].get(element) == simdjson::SUCCESS) found.first = simdjson::minify(element);
  if (object["after"].get(element) == simdjson::SUCCESS) found.second = simdjson::minify(element);
  return found;
}

}  // namespace

std::string printable(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c >= ' ' && c <= '~') {
      out += c;
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      out += fmt::format("\\x{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::shared_ptr<AuditLog> open_audit_log(const std::filesystem::path& state, const runtime::Clock& clock) {
  return std::make_shared<AuditLog>(state / "audit.jsonl", fmt::format("{:x}", clock.wall_ns() / 1'000'000));
}

AuditLog::AuditLog(std::filesystem::path file, std::string boot) : file_(std::move(file)), boot_(std::move(boot)) {}

std::string AuditLog::write(const Entry& entry, std::int64_t now_ns, std::string_view link, std::string_view to,
                            std::string_view bytes) {
  std::string line;
  JsonWriter json{line};
  head(json, entry, "write", boot_, now_ns);
  json.key("link").string(link);
  // A request's path holds the arguments where the device takes them there.
  const bool secret = has_secret(entry);
  json.key("to").string(secret ? to.substr(0, to.find('?')) : to);
  json.key("size").unsigned_integer(bytes.size());
  if (!secret) json.key("sent").string(printable(bytes.substr(0, kMostSent)));
  json.end_object();
  line += '\n';
  return append(line);
}

std::string AuditLog::result(const Entry& entry, const Result& result) {
  std::string line;
  JsonWriter json{line};
  head(json, entry, "result", boot_, result.time_ns);
  json.key("status").string(to_string(result.status)).key("message").string(result.message);
  const auto [before, after] = before_and_after(result.json);
  if (!before.empty()) json.key("before").raw(before);
  if (!after.empty()) json.key("after").raw(after);
  json.key("duration_ms").integer(result.duration_ns / 1'000'000).end_object();
  line += '\n';
  return append(line);
}

std::string AuditLog::append(const std::string& line) const {
  const auto problem = [&](const char* what) {
    return fmt::format("{}: {}: {}", file_.string(), what, std::strerror(errno));
  };
  const runtime::UniqueFd fd{::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640)};
  if (!fd) return problem("cannot be opened");
  // One write, so that lines of several processes do not mix.
  for (;;) {
    const auto n = ::write(fd.get(), line.data(), line.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return problem("cannot be written");
    if (static_cast<std::size_t>(n) != line.size()) {
      errno = ENOSPC;
      return problem("was written in part");
    }
    break;
  }
  if (::fdatasync(fd.get()) != 0) return problem("did not reach the disk");
  return {};
}

}  // namespace mesura::command
