// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "transport/byte_stream.hpp"
#include "transport/capture.hpp"
#include "transport/kinds.hpp"
#include "transport/reason.hpp"

#include <fcntl.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <utility>

namespace mesura::transport {
namespace {

using namespace std::chrono_literals;

/// A factor of the original speed; 0 stands for "max".
std::optional<double> parse_speed(std::string_view text) {
  if (text == "max") return 0.0;
  double speed = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), speed);
  if (error != std::errc{} || end != text.data() + text.size() || !(speed >= 0.001 && speed <= 1e6))
    return std::nullopt;
  return speed;
}

/// A capture file as it happened, or faster: one stream of all its bytes, with the times of the recording.
class Replay final : public Transport {
 public:
  Replay(const config::Value& options, const Context& context)
      : context_(context), path_(options["path"].text()), speed_text_(options["speed"].text()) {}
  ~Replay() override { close(); }

  void open(Listener& listener) override {
    listener_ = &listener;
    timer_ = context_.loop.after(0ns, [this] {
      timer_ = 0;
      start();
    });
  }

  void close() override {
    if (timer_ != 0) context_.loop.cancel(std::exchange(timer_, 0));
    file_.reset();
    listener_ = nullptr;
  }

  bool send(Bytes /*bytes*/, std::string_view /*to*/) override { return false; }
  void pause(bool paused) override {
    if (std::exchange(paused_, paused) == paused || !file_) return;
    if (!paused && timer_ == 0) come_back(0ns);
  }
  [[nodiscard]] std::string describe() const override { return "replay " + path_; }
  [[nodiscard]] bool live() const override { return false; }

 private:
  void start() {
    const auto speed = parse_speed(speed_text_);
    if (!speed) {
      end(make_reason("open-failed", describe(), "a speed from 0.001 to 1000000, or max", "'" + speed_text_ + "'"));
      return;
    }
    speed_ = *speed;
    file_.reset(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file_) {
      end(system_reason("open-failed", describe(), "a readable capture", errno));
      return;
    }
    if (!find_record()) return;
    listener_->on_open();
    if (listener_ != nullptr) play();
  }

  /// Makes record_ the next one with bytes; false when there is none and the listener has been told.
  bool find_record() {
    for (;;) {
      while ((record_ = parser_.next()))
        if (record_->kind == CaptureKind::bytes) return true;
      if (!parser_.error().empty()) {
        end(make_reason("damaged", describe(), "a whole capture", parser_.error(),
                        "raw bytes without times are read with transport `file`"));
        return false;
      }
      const auto buffer = read_buffer();
      const ssize_t n = ::read(file_.get(), buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        end(n == 0 ? ended() : system_reason("vanished", describe(), "to read on", errno));
        return false;
      }
      parser_.push(buffer.first(static_cast<std::size_t>(n)));
    }
  }

  [[nodiscard]] Reason ended() const {
    if (offset_ == 0 && parser_.left() > 0)
      return make_reason("damaged", describe(), "a capture", "the beginning of one",
                         "raw bytes without times are read with transport `file`");
    std::string message = describe() + ": played to its end";
    if (parser_.left() > 0) message += "; left out " + std::to_string(parser_.left()) + " bytes of a torn record";
    return {"ended", std::move(message)};
  }

  /// Hands on what is due, and comes back when more is.
  void play() {
    for (std::size_t handed = 0; handed < kReadSize;) {
      if (const auto wait = until_due(); wait > 0ns) return come_back(wait);
      handed += record_->payload.size();
      const Meta meta{.received_ns = record_->time_ns,
                      .offset = offset_,
                      .peer = record_->peer,
                      .topic = record_->topic,
                      .status = record_->status};
      offset_ += record_->payload.size();
      listener_->on_bytes(record_->payload, meta);
      if (listener_ == nullptr || !find_record() || paused_) return;
    }
    come_back(0ns);
  }

  void come_back(std::chrono::nanoseconds wait) {
    timer_ = context_.loop.after(wait, [this] {
      timer_ = 0;
      if (!paused_) play();
    });
  }

  std::chrono::nanoseconds until_due() {
    if (speed_ == 0) return 0ns;
    const std::int64_t now = context_.loop.clock().steady_ns();
    // The recording's clock was set back, or another recording follows: count from here.
    if (!last_ns_ || record_->time_ns < *last_ns_) {
      origin_ns_ = record_->time_ns;
      started_ns_ = now;
    }
    last_ns_ = record_->time_ns;
    const double after = static_cast<double>(record_->time_ns - origin_ns_) / speed_;
    return std::chrono::nanoseconds{started_ns_ + static_cast<std::int64_t>(after) - now};
  }

  void end(const Reason& reason) {
    auto* const listener = listener_;
    close();
    listener->on_closed(reason, true);
  }

  Context context_;
  std::string path_;
  std::string speed_text_;
  double speed_ = 0;
  Listener* listener_ = nullptr;
  runtime::EventLoop::TimerId timer_ = 0;
  runtime::UniqueFd file_;
  CaptureParser parser_;
  std::optional<CaptureRecord> record_;
  std::uint64_t offset_ = 0;
  std::optional<std::int64_t> last_ns_;
  std::int64_t origin_ns_ = 0;
  std::int64_t started_ns_ = 0;
  bool paused_ = false;
};

}  // namespace

Kind replay_kind() {
  return {"replay",
          config::object({config::required("path", config::of(config::Type::path, "a capture file")),
                          config::optional("speed", config::text("1 as it was, 10 ten times as fast, or max"), "1")},
                         "a capture with its original timing"),
          [](const config::Value& options, const Context& context) -> std::unique_ptr<Transport> {
            return std::make_unique<Replay>(options, context);
          }};
}

}  // namespace mesura::transport
