// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "simulate_control.hpp"

#include "config/reader.hpp"
#include "config/text.hpp"
#include "runtime/json.hpp"
#include "verbs.hpp"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <optional>
#include <system_error>
#include <utility>

namespace mesura::app {
namespace {

constexpr std::size_t kLongestLine = 1U << 20U;

/// Words between blanks; double quotes hold one together, also in the middle: name="My unit".
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  bool quoted = false;
  bool open = false;
  for (const char c : text) {
    if (c == '"') {
      quoted = !quoted;
      if (!open) words.emplace_back();
      open = true;
    } else if (!quoted && (c == ' ' || c == '\t' || c == '\r')) {
      open = false;
    } else {
      if (!open) words.emplace_back();
      open = true;
      words.back() += c;
    }
  }
  return words;
}

std::string_view status_text(mesura_reply_status status) {
  switch (status) {
    case MESURA_REPLY_DONE: return "done";
    case MESURA_REPLY_REFUSED: return "refused";
    case MESURA_REPLY_TIMEOUT: return "timeout";
    case MESURA_REPLY_MISMATCH: return "mismatch";
    case MESURA_REPLY_PLAN: return "plan";
    case MESURA_REPLY_INVALID: return "invalid";
    case MESURA_REPLY_UNREACHABLE: return "unreachable";
    case MESURA_REPLY_UNVERIFIED: return "unverified";
  }
  return "unknown";
}

}  // namespace

SimulateControl::SimulateControl(runtime::EventLoop& loop, const config::PluginSchema& schema,
                                 const std::vector<std::unique_ptr<session::Twin>>& twins)
    : loop_(loop), schema_(schema), twins_(twins) {}

SimulateControl::~SimulateControl() {
  if (watch_ != 0) loop_.unwatch(watch_);
}

void SimulateControl::start() {
  try {
    watch_ = loop_.watch(STDIN_FILENO, EPOLLIN, [this](std::uint32_t) { read(); });
  } catch (const std::system_error&) {
    // A file or /dev/null can't be waited for, and need not be.
    loop_.post([this] { read(); });
  }
}

void SimulateControl::read() {
  std::array<char, 4096> block;
  const auto n = ::read(STDIN_FILENO, block.data(), block.size());
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (n <= 0) {
    if (!buffer_.empty()) line(std::exchange(buffer_, {}));  // the last line may lack its end
    if (watch_ != 0) loop_.unwatch(std::exchange(watch_, 0));
    return;
  }
  buffer_.append(block.data(), static_cast<std::size_t>(n));
  if (buffer_.size() > kLongestLine && buffer_.find('\n') == std::string::npos) buffer_.clear();
  for (std::size_t end = buffer_.find('\n'); end != std::string::npos; end = buffer_.find('\n')) {
    const std::string text = buffer_.substr(0, end);
    buffer_.erase(0, end + 1);
    line(text);
  }
  if (watch_ == 0) loop_.post([this] { read(); });
}

void SimulateControl::line(std::string_view text) {
  auto words = words_of(text);
  if (words.empty()) return;
  Asked asked{1, {}};
  const auto [end, error] =
      std::from_chars(words.front().data(), words.front().data() + words.front().size(), asked.unit);
  if (error == std::errc{} && end == words.front().data() + words.front().size())
    words.erase(words.begin());
  else
    asked.unit = 1;
  if (!words.empty()) asked.command = words.front();
  if (asked.unit < 1 || asked.unit > twins_.size()) {
    print(asked, "refused", fmt::format("expected a unit from 1 to {}", twins_.size()), {});
    return;
  }
  const auto command = std::find_if(schema_.commands.begin(), schema_.commands.end(),
                                    [&](const config::CommandSpec& c) { return c.name == asked.command; });
  if (command == schema_.commands.end()) {
    std::vector<std::string> known;
    for (const auto& c : schema_.commands) known.push_back(c.name);
    print(asked, "refused",
          known.empty() ? "this virtual device takes no commands" : "expected one of " + config::joined(known), {});
    return;
  }
  KeyValues pairs;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::size_t equals = words[i].find('=');
    if (equals == std::string::npos) {
      print(asked, "refused", fmt::format("expected NAME=VALUE, got '{}'", words[i]), {});
      return;
    }
    pairs.emplace_back(words[i].substr(0, equals), words[i].substr(equals + 1));
  }
  const auto reading = config::read_pairs(pairs, config::object(command->arguments));
  if (!reading.ok()) {
    const auto& first = reading.diagnostics.list().front();
    print(
        asked, "refused",
        fmt::format("{}; expected {}{}{}", first.message, first.expected, first.got.empty() ? "" : ", got ", first.got),
        {});
    return;
  }
  const std::uint64_t id = next_id_++;
  auto& twin = *twins_[asked.unit - 1];
  asked_.emplace(id, std::move(asked));
  twin.command(id, *command, reading.value);
}

void SimulateControl::answer(std::uint64_t id, const session::Reply& reply) {
  const auto asked = asked_.extract(id);
  if (!asked.empty()) print(asked.mapped(), status_text(reply.status), reply.message, reply.json);
}

void SimulateControl::print(const Asked& asked, std::string_view status, std::string_view message,
                            std::string_view json) {
  std::string out;
  runtime::JsonWriter writer{out};
  writer.begin_object().key("unit").integer(asked.unit).key("command").string(asked.command);
  writer.key("status").string(status);
  if (!message.empty()) writer.key("message").string(message);
  writer.end_object();
  if (!json.empty()) {
    out.pop_back();
    out += ",\"result\":";
    out += json;
    out += '}';
  }
  out += '\n';
  std::fwrite(out.data(), 1, out.size(), stdout);
  std::fflush(stdout);
}

}  // namespace mesura::app
