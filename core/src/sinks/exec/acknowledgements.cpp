// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/exec/acknowledgements.hpp"

#include "sinks/pipes.hpp"

#include <fmt/format.h>

#include <charconv>
#include <system_error>
#include <utility>

namespace mesura::sinks::exec {
namespace {

// A reason is a sentence; whatever is longer is no answer of ours.
constexpr std::size_t kMaxLine = 4096;
constexpr std::string_view kReject = "reject ";

// The number at the start of `text`, which loses it.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

}  // namespace

std::optional<std::string> Acknowledgements::push(std::string_view bytes, std::uint64_t sent) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const auto part = bytes.substr(0, end);
    if (partial_.size() + part.size() > kMaxLine)
      return fmt::format("expected  a line with a number\n  got       more than {} bytes without a line end", kMaxLine);
    if (end == std::string_view::npos) {
      partial_ += part;
      return std::nullopt;
    }
    bytes.remove_prefix(end + 1);
    std::optional<std::string> wrong;
    if (partial_.empty()) {
      wrong = line(part, sent);
    } else {
      partial_ += part;
      wrong = line(std::exchange(partial_, {}), sent);
    }
    if (wrong) return wrong;
  }
  return std::nullopt;
}

std::optional<std::string> Acknowledgements::line(std::string_view text, std::uint64_t sent) {
  while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  std::string_view rest = text;
  const bool reject = rest.starts_with(kReject);
  if (reject) rest.remove_prefix(kReject.size());
  const auto number = take_number(rest);
  if (!number || (reject ? !rest.empty() && rest.front() != ' ' : !rest.empty()))
    return fmt::format("expected  a line with a number, or 'reject' with a number and a reason\n  got       '{}'",
                       printable(text, 200));
  if (*number > sent)
    return fmt::format("expected  at most {}, the lines sent since its start\n  got       '{}'", sent,
                       printable(text, 200));
  if (!reject) {
    if (*number < count_)
      return fmt::format("expected  at least {}, which it had said before\n  got       '{}'", count_,
                         printable(text, 200));
    count_ = *number;
    std::erase_if(rejected_, [this](std::uint64_t n) { return n <= count_; });
    return std::nullopt;
  }
  // Its number cannot be taken back: the line may have been let go of.
  if (*number <= count_)
    return fmt::format("expected  a line after {}, up to which all was dealt with\n  got       '{}'", count_,
                       printable(text, 200));
  if (!rejected_.insert(*number).second) return std::nullopt;
  if (!rest.empty()) rest.remove_prefix(1);
  rejections_.push_back({*number, rest.empty() ? std::string{"it gave no reason"} : printable(rest)});
  while (rejected_.erase(count_ + 1) > 0) ++count_;
  return std::nullopt;
}

std::vector<Acknowledgements::Rejection> Acknowledgements::take_rejections() { return std::exchange(rejections_, {}); }

}  // namespace mesura::sinks::exec
