// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "answer_parser.hpp"

#include "keys.hpp"
#include "layout.hpp"
#include "object_scanner.hpp"
#include "repair.hpp"
#include "text_value.hpp"
#include "walk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <utility>

namespace mesura::ct6 {
namespace {

constexpr std::size_t kLayouts = 4;        // of different firmwares behind one socket
constexpr unsigned kEagerMisses = 8;       // so often a misfit is learnt at once
constexpr unsigned kPatientMisses = 1024;  // and then only each so many: learning costs more than a walk
constexpr std::size_t kShown = 40;
constexpr std::string_view kProduct = "\"CT6\"";

constexpr std::uint32_t kPortSeen = (1U << kPortNumbers) - 1U + (bit(PortText::name) << 16U);
constexpr std::uint32_t kUnitSeen = bit(UnitNumber::board_temperature) + bit(UnitNumber::read_time) +
                                    ((bit(UnitText::assy) + bit(UnitText::firmware_version)) << 16U);
constexpr std::uint32_t kNameSeen = (bit(UnitText::unit_name) + bit(UnitText::ydev_unit_name)) << 16U;
constexpr std::uint32_t kUsualMask = (1U << kUsualPorts) - 1U;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view padding{" \t\r\n\0", 5};
  const std::size_t begin = text.find_first_not_of(padding);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(padding) - begin + 1);
}

/// Names of the keys that an answer always has and this one has not.
class Missing {
 public:
  void add(std::uint8_t port, std::string_view key) {
    if (count_++ >= kNamed) return;
    if (!names_.empty()) names_ += ", ";
    if (port != 0) names_ += fmt::format("CT{}", port);
    if (port != 0 && !key.empty()) names_ += '.';
    names_ += key;
  }
  void add_port(const Port& port) {
    const std::uint32_t lacks = kPortSeen & ~port.seen;
    if ((lacks & 1U << 16U) != 0) add(port.number, wire_name(PortText::name));
    for (std::size_t i = 0; i < kPortNumbers; ++i)
      if ((lacks >> i & 1U) != 0) add(port.number, wire_name(static_cast<PortNumber>(i)));
  }
  void add_unit(std::uint32_t lacks) {
    for (std::size_t i = 0; i < kUnitNumbers; ++i)
      if ((lacks >> i & 1U) != 0) add(0, wire_name(static_cast<UnitNumber>(i)));
    for (std::size_t i = 0; i < kUnitTexts; ++i)
      if ((lacks >> (16U + i) & 1U) != 0) add(0, wire_name(static_cast<UnitText>(i)));
  }
  [[nodiscard]] std::string message() const {
    return count_ > kNamed ? fmt::format("expected {} and {} more", names_, count_ - kNamed)
                           : fmt::format("expected {}", names_);
  }

 private:
  static constexpr std::size_t kNamed = 3;
  std::string names_;
  std::size_t count_ = 0;
};

bool is_whole(const Answer& answer) {
  if ((kUnitSeen & ~answer.seen) != 0 || (kNameSeen & answer.seen) == 0 || (kUsualMask & ~answer.port_mask) != 0)
    return false;
  return std::all_of(answer.ports.begin(), answer.ports.begin() + static_cast<std::ptrdiff_t>(answer.port_count),
                     [](const Port& port) { return (kPortSeen & ~port.seen) == 0; });
}

}  // namespace

class AnswerParser::Impl {
 public:
  explicit Impl(Settings settings) : settings_(settings), walk_(settings.max_message) {
    buffer_.resize(settings.max_message + kPadding);
  }

  Outcome parse(Bytes message, Answer& answer, Problems& problems);
  [[nodiscard]] bool fitted() const { return fitted_; }

 private:
  std::string_view fill(std::string_view text);
  bool read_layouts(std::string_view text, Answer& answer);
  Outcome read_any(std::string_view text, Answer& answer, Problems& problems);
  Outcome take(std::string_view text, Answer& answer, Problems& problems);
  Outcome explain(std::string_view text, Walk::Result result, Answer& answer, Problems& problems);
  Outcome read_mended(std::string_view text, Answer& answer, Problems& problems);
  Outcome read_front(std::string_view text, std::size_t length, Answer& answer, Problems& problems);
  Outcome judge(std::string_view text, const Answer& answer, Problems& problems) const;
  void learn(std::string_view text, const Answer& answer);

  Settings settings_;
  Walk walk_;
  std::vector<char> buffer_;
  std::vector<Layout> layouts_;  ///< the one that fitted last comes first
  Layout candidate_;
  std::string mended_;
  std::size_t first_problem_ = 0;  ///< of this message
  unsigned misses_ = 0;            ///< since a layout fitted
  bool fitted_ = false;
};

std::string_view AnswerParser::Impl::fill(std::string_view text) {
  std::memcpy(buffer_.data(), text.data(), text.size());
  std::memset(buffer_.data() + text.size(), 0, kPadding);
  return {buffer_.data(), text.size()};
}

Outcome AnswerParser::Impl::parse(Bytes message, Answer& answer, Problems& problems) {
  const char* const data = reinterpret_cast<const char*>(message.data());
  const std::string_view text = trimmed({message.empty() ? "" : data, message.size()});
  const auto lead = text.empty() ? 0 : static_cast<std::uint64_t>(text.data() - data);
  const std::size_t before = first_problem_ = problems.size();
  fitted_ = false;
  Outcome outcome = Outcome::rejected;
  if (text.size() > settings_.max_message) {
    problems.push_back({Problem::Kind::frame, "too_long",
                        fmt::format("expected at most {} bytes, got {}", settings_.max_message, text.size()), 0,
                        message.size()});
  } else if (text.empty()) {
    problems.push_back({Problem::Kind::frame, "not_json", "expected a JSON object, got nothing", 0, message.size()});
  } else {
    const std::string_view own = fill(text);
    fitted_ = settings_.layouts && read_layouts(own, answer);
    outcome = fitted_ ? judge(own, answer, problems) : read_any(own, answer, problems);
  }
  for (std::size_t i = before; lead > 0 && i < problems.size(); ++i) problems[i].offset += lead;
  return outcome;
}

bool AnswerParser::Impl::read_layouts(std::string_view text, Answer& answer) {
  for (std::size_t i = 0; i < layouts_.size(); ++i) {
    if (!layouts_[i].read(text, answer)) continue;
    if (i > 0)
      std::rotate(layouts_.begin(), layouts_.begin() + static_cast<std::ptrdiff_t>(i),
                  layouts_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    misses_ = 0;
    return true;
  }
  return false;
}

Outcome AnswerParser::Impl::read_any(std::string_view text, Answer& answer, Problems& problems) {
  ++misses_;
  const bool learning = settings_.layouts && (misses_ <= kEagerMisses || misses_ % kPatientMisses == 0);
  const auto result = walk_.read(text, answer, problems, learning);
  if (result != Walk::Result::object) return explain(text, result, answer, problems);
  if (walk_.found().regular) learn(text, answer);
  return take(text, answer, problems);
}

/// Keeps the layout of a message that was just read, if it would have given the same.
void AnswerParser::Impl::learn(std::string_view text, const Answer& answer) {
  const auto scratch = std::make_unique<Answer>();
  candidate_ = {};
  if (!candidate_.learn(walk_.found().order, walk_.found().blanks) || !candidate_.read(text, *scratch)) return;
  if (scratch->seen != answer.seen || scratch->port_mask != answer.port_mask) return;
  if (std::find(layouts_.begin(), layouts_.end(), candidate_) != layouts_.end()) return;
  if (layouts_.size() == kLayouts) layouts_.pop_back();
  layouts_.insert(layouts_.begin(), candidate_);
}

/// What a walked object is.
Outcome AnswerParser::Impl::take(std::string_view text, Answer& answer, Problems& problems) {
  const Walk::Found& found = walk_.found();
  if (found.question) {
    problems.push_back({Problem::Kind::note, "ayt_question", "a collector's question, not an answer", 0, text.size()});
    return Outcome::question;
  }
  if (!found.error.empty() && answer.port_mask == 0) {
    problems.push_back({Problem::Kind::note, "device_error",
                        fmt::format("the unit says {}", text_of_token(found.error).value_or("an error")), 0,
                        text.size()});
    return Outcome::refusal;
  }
  if (found.length < text.size())
    problems.push_back({Problem::Kind::note, "trailing_bytes",
                        fmt::format("expected nothing behind the object, got {} bytes", text.size() - found.length),
                        found.length, text.size() - found.length});
  return judge(text, answer, problems);
}

Outcome AnswerParser::Impl::explain(std::string_view text, Walk::Result result, Answer& answer, Problems& problems) {
  const auto reject = [&](std::string_view code, std::string message) {
    problems.push_back({Problem::Kind::frame, code, std::move(message), 0, text.size()});
    return Outcome::rejected;
  };
  if (result == Walk::Result::null) {
    problems.push_back({Problem::Kind::note, "no_sample", "null: no sample was taken", 0, text.size()});
    return Outcome::nothing;
  }
  if (result == Walk::Result::scalar)
    return reject("not_an_object", fmt::format("expected a JSON object, got {}", excerpt(text, kShown)));
  const bool not_utf8 = result == Walk::Result::not_utf8;
  if (text.front() != '{') {
    if (not_utf8) return reject("not_utf8", "expected UTF-8");
    return reject("not_json", fmt::format("expected a JSON object, got {}", excerpt(text, kShown)));
  }
  if (settings_.repair && !not_utf8)
    if (const Outcome mended = read_mended(text, answer, problems); mended != Outcome::rejected) return mended;
  ObjectScanner scanner;
  auto scanned = ObjectScanner::Result::more;
  std::size_t length = 0;
  while (length < text.size() && scanned == ObjectScanner::Result::more) scanned = scanner.push(text[length++]);
  if (scanned == ObjectScanner::Result::complete && length < text.size())
    return read_front(text, length, answer, problems);
  if (scanned == ObjectScanner::Result::too_deep)
    return reject("too_deep", fmt::format("expected at most {} brackets inside each other", ObjectScanner::kMaxDepth));
  if (scanned == ObjectScanner::Result::more)
    return reject("truncated", fmt::format("expected the object's last bracket, got the end after {} bytes", length));
  if (not_utf8) return reject("not_utf8", "expected UTF-8");
  return reject("bad_json", fmt::format("expected JSON, got something else at byte {}", length - 1));
}

Outcome AnswerParser::Impl::read_mended(std::string_view text, Answer& answer, Problems& problems) {
  if (!mend_apostrophes(text, mended_)) return Outcome::rejected;
  const std::string as_it_came{text};
  const std::string_view own = fill(mended_);
  if (walk_.read(own, answer, problems) != Walk::Result::object) {
    fill(as_it_came);  // what is said next is about that
    return Outcome::rejected;
  }
  problems.push_back({Problem::Kind::note, "apostrophe",
                      "a name with an apostrophe, which the unit's HTTP server spoils", 0, text.size()});
  return take(own, answer, problems);
}

/// An object with something behind it.
Outcome AnswerParser::Impl::read_front(std::string_view text, std::size_t length, Answer& answer, Problems& problems) {
  if (walk_.read(text.substr(0, length), answer, problems) != Walk::Result::object) {
    problems.push_back({Problem::Kind::frame, "bad_json", "expected JSON, got something like it", 0, text.size()});
    return Outcome::rejected;
  }
  problems.push_back({Problem::Kind::note, "trailing_bytes",
                      fmt::format("expected nothing behind the object, got {} bytes", text.size() - length), length,
                      text.size() - length});
  return take(text.substr(0, length), answer, problems);
}

Outcome AnswerParser::Impl::judge(std::string_view text, const Answer& answer, Problems& problems) const {
  const std::string_view product = answer[UnitText::product_id];
  const bool anonymous = answer.port_mask == 0 && answer[UnitText::assy].empty();
  if (product.empty() ? settings_.product_required || anonymous : product != kProduct) {
    problems.resize(first_problem_);  // what is odd about foreign keys is of no interest
    problems.push_back({Problem::Kind::frame, "foreign",
                        fmt::format("expected an answer with PRODUCT_ID CT6, got {}",
                                    product.empty() ? std::string{"one without"} : excerpt(product, kShown)),
                        0, text.size()});
    return Outcome::rejected;
  }
  if (is_whole(answer)) return Outcome::answer;
  Missing missing;
  for (std::size_t i = 0; i < answer.port_count; ++i) missing.add_port(answer.ports[i]);
  for (std::size_t i = 0; i < kUsualPorts; ++i)
    if ((answer.port_mask >> i & 1U) == 0) missing.add(static_cast<std::uint8_t>(i + 1), {});
  missing.add_unit(kUnitSeen & ~answer.seen);
  if ((kNameSeen & answer.seen) == 0) missing.add(0, wire_name(UnitText::ydev_unit_name));
  problems.push_back({Problem::Kind::object, "missing_field", missing.message(), 0, text.size()});
  return Outcome::answer;
}

AnswerParser::AnswerParser(Settings settings) : impl_(std::make_unique<Impl>(settings)) {}
AnswerParser::~AnswerParser() = default;
Outcome AnswerParser::parse(Bytes message, Answer& answer, Problems& problems) {
  return impl_->parse(message, answer, problems);
}
bool AnswerParser::fitted() const { return impl_->fitted(); }

}  // namespace mesura::ct6
