// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "command_run.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "repair.hpp"
#include "settings.hpp"
#include "text_value.hpp"

namespace mesura::ct6 {
namespace {

using namespace std::chrono_literals;

/// The transport gives up long before; this is for an answer that never comes.
constexpr std::chrono::nanoseconds kLost = 40s;
constexpr std::size_t kUploadBytesPerSecond = 4096;
constexpr std::size_t kShown = 160;
constexpr int kHttpOk = 200, kHttpError = 500;

std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

bool says(std::string_view text, std::string_view what) { return text.find(what) != std::string_view::npos; }

/// Why the transport has no answer, as it words it.
Reply failed(std::string_view reason) {
  // Without the request in front, whose values may be secret.
  const std::size_t expected = reason.find(": expected ");
  const std::string shown = expected == std::string_view::npos
                                ? std::string{"the request failed"}
                                : excerpt(first_line(reason.substr(expected + 2)), kShown);
  if (says(reason, "got the end of the connection") || says(reason, "Connection reset"))
    return {Reply::Kind::closed, shown};
  if (says(reason, "expected a connection") || says(reason, "a host that can be found") ||
      says(reason, "unreachable") || says(reason, "No route"))
    return {Reply::Kind::unreachable, shown};
  return {Reply::Kind::none, shown};
}

/// The text behind ERROR in an object, or nothing.
std::optional<std::string> error_in(std::string_view body) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS) return std::nullopt;
  simdjson::dom::element error;
  if (!root.is_object() || root["ERROR"].get(error) != simdjson::SUCCESS) return std::nullopt;
  std::string_view text;
  if (error.get(text) != simdjson::SUCCESS) return std::string{"an error"};
  return std::string{text.empty() ? "an error without a text" : text};
}

Reply understood(int status, std::string_view body) {
  if (status < 0) return failed(body);
  // A spoilt upload is answered with two headers, one behind the other.
  if (status == kHttpError && body.starts_with("HTTP/")) {
    const std::size_t end = body.rfind("\r\n\r\n");
    if (end != std::string_view::npos) body.remove_prefix(end + 4);
  }
  std::string mended;
  if (auto error = error_in(body)) return {Reply::Kind::error, std::move(*error)};
  if (mend_apostrophes(body, mended))
    if (auto error = error_in(mended)) return {Reply::Kind::error, std::move(*error)};
  if (status == kHttpOk) return {Reply::Kind::ok, std::string{body}};
  return {Reply::Kind::error, fmt::format("status {}: {}", status, excerpt(body, kShown))};
}

}  // namespace

std::string_view path_without_values(std::string_view path) { return path.substr(0, path.find('?')); }

// ---------------------------------------------------------------- arguments

CommandArguments::CommandArguments(const Command& command) {
  for (const mesura_option& option : command.arguments.all()) {
    Argument& a = arguments_.emplace_back();
    a.name = abi::view(option.name);
    a.type = option.type;
    a.text = abi::view(option.text);
    a.integer = option.integer;
    a.number = option.number;
    for (std::size_t i = 0; i < option.entry_count; ++i)
      a.entries.emplace_back(abi::view(option.entries[i].key), abi::view(option.entries[i].value));
  }
}

const CommandArguments::Argument* CommandArguments::find(std::string_view name) const {
  const auto at = std::find_if(arguments_.begin(), arguments_.end(), [&](const Argument& a) { return a.name == name; });
  return at != arguments_.end() ? &*at : nullptr;
}

const std::string& CommandArguments::text(std::string_view name) const {
  static const std::string kNothing;
  const Argument* const a = find(name);
  return a != nullptr ? a->text : kNothing;
}

std::int64_t CommandArguments::integer(std::string_view name, std::int64_t fallback) const {
  const Argument* const a = find(name);
  return a != nullptr ? a->integer : fallback;
}

double CommandArguments::number(std::string_view name, double fallback) const {
  const Argument* const a = find(name);
  if (a == nullptr) return fallback;
  return a->type == MESURA_OPTION_NUMBER ? a->number : static_cast<double>(a->integer);
}

const CommandArguments::Entries& CommandArguments::entries(std::string_view name) const {
  static const Entries kNone;
  const Argument* const a = find(name);
  return a != nullptr ? a->entries : kNone;
}

// ---------------------------------------------------------------- waiting

/// Waits for the answer that on_answer brings.
struct CommandRun::Exchange {
  CommandRun& run;
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) const noexcept { run.waiting_ = handle; }
  void await_resume() const noexcept {}
};

struct CommandRun::Pause {
  CommandRun& run;
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) const noexcept { run.waiting_ = handle; }
  void await_resume() const { run.check_called_off(); }
};

void CommandRun::check_called_off() const {
  if (called_off_ && !holding_) throw CommandEnd{MESURA_REPLY_REFUSED, "called off"};
}

bool CommandRun::send(const std::string& bytes, const std::string& to, bool changes) {
  return changes ? host_.send_for(id_, kHttp, bytes, to) : host_.send(kHttp, bytes, to);
}

Task<Reply> CommandRun::exchange(std::string to, std::string bytes, bool changes) {
  check_called_off();
  to_ = to;
  waits_ = !(dry_run_ && changes);
  const bool sent = send(bytes, to, changes);
  if (!sent) {
    waits_ = false;
    reply_.kind = Reply::Kind::unreachable;
    reply_.body = "nothing was sent";
  } else if (dry_run_ && changes) {
    reply_.kind = Reply::Kind::planned;
    reply_.body.clear();
  } else {
    host_.arm(timer_, kLost + std::chrono::seconds{bytes.size() / kUploadBytesPerSecond});
    co_await Exchange{*this};
  }
  co_return std::move(reply_);
}

Task<Reply> CommandRun::get(std::string path) {
  return exchange(fmt::format("GET http://{}{}", base_, path), {}, false);
}

Task<Reply> CommandRun::change(std::string path) {
  return exchange(fmt::format("GET http://{}{}", base_, path), {}, true);
}

Task<Reply> CommandRun::upload(std::string path, std::string bytes) {
  return exchange(fmt::format("FILE http://{}{}", base_, path), std::move(bytes), true);
}

Task<Reply> CommandRun::must_get(std::string path) {
  Reply reply = co_await get(path);
  if (!reply.ok()) throw end_of(reply, path);
  co_return reply;
}

Task<Reply> CommandRun::must_change(std::string path) {
  Reply reply = co_await change(path);
  if (!reply.ok()) throw end_of(reply, path);
  co_return reply;
}

Task<void> CommandRun::wait(std::chrono::nanoseconds time) {
  check_called_off();
  host_.arm(timer_, time);
  co_await Pause{*this};
}

CommandEnd CommandRun::end_of(const Reply& reply, std::string_view path) const {
  const std::string_view what = path_without_values(path);
  switch (reply.kind) {
    case Reply::Kind::error:
      return {MESURA_REPLY_REFUSED, fmt::format("{}: the unit refuses: {}", what, excerpt(reply.body, kShown))};
    case Reply::Kind::closed:
      return {MESURA_REPLY_REFUSED,
              fmt::format("{}: the unit ended the connection without a reply: it could not do that", what)};
    case Reply::Kind::unreachable: return {MESURA_REPLY_UNREACHABLE, fmt::format("{}: {}", what, reply.body)};
    default: return {MESURA_REPLY_TIMEOUT, fmt::format("{}: no answer: {}", what, reply.body)};
  }
}

// ---------------------------------------------------------------- running

void CommandRun::begin(Task<CommandResult> task, std::int64_t now_ns) {
  now_ns_ = now_ns;
  task_.emplace(std::move(task));
  task_->start();
}

CommandResult CommandRun::result() {
  try {
    return task_->take();
  } catch (const CommandEnd& end) {
    return {end.status, end.message, end.json, {}};
  } catch (const std::exception& e) {
    return {MESURA_REPLY_REFUSED, fmt::format("{}: {}", name_, e.what()), {}, {}};
  }
}

void CommandRun::resume(std::int64_t now_ns) {
  now_ns_ = now_ns;
  host_.disarm(timer_);
  if (const auto handle = std::exchange(waiting_, nullptr)) handle.resume();
}

void CommandRun::on_answer(int status, std::string_view body, std::int64_t now_ns) {
  if (!waits_) return;
  waits_ = false;
  reply_ = understood(status, body);
  resume(now_ns);
}

void CommandRun::on_timer(std::int64_t now_ns) {
  if (std::exchange(waits_, false)) reply_ = {Reply::Kind::none, "nothing came back"};
  resume(now_ns);
}

void CommandRun::on_link_lost(std::string_view why, std::int64_t now_ns) {
  if (!std::exchange(waits_, false)) return;
  reply_ = {Reply::Kind::unreachable, std::string{why}};
  resume(now_ns);
}

void CommandRun::call_off(std::int64_t now_ns) {
  called_off_ = true;
  // A request that is under way is waited for: the unit serves one after another.
  if (!waits_ && !holding_ && waiting_) resume(now_ns);
}

}  // namespace mesura::ct6
