// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "transport/byte_stream.hpp"
#include "transport/kinds.hpp"
#include "transport/reason.hpp"
#include "transport/serial_port.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <array>
#include <bit>
#include <cerrno>
#include <utility>
#include <vector>

namespace mesura::transport {
namespace {

using namespace std::chrono_literals;

/// What `baud: auto` tries, in this order, each for kTrial. Source: the meters' profiles (DSMR 4 and later 115200 8N1,
/// DSMR 2.2 and 3 9600 7E1); 7E1 is read as 8N1, so that only the rate has to be found.
constexpr std::array kCandidates{115200, 9600};
/// One telegram must fall into it whole: the slow meters send one every 10 s.
constexpr auto kTrial = 12s;

int line_of(const config::Value& value) {
  if (value.text() == "leave") return -1;
  return value.text() == "on" ? 1 : 0;
}

class Serial final : public Transport {
 public:
  Serial(const config::Value& options, const Context& context)
      : context_(context),
        path_(options["path"].text()),
        automatic_(options["baud"].is_text()),
        baud_(automatic_ ? 0 : static_cast<int>(options["baud"].integer())),
        seven_bits_(options["format"].text() == "7E1"),
        rts_(line_of(options["rts"])),
        dtr_(line_of(options["dtr"])),
        lock_(options["lock"].boolean()) {
    if (!automatic_) return;
    baud_ = context_.memory->baud(path_);
    while (baud_ != 0 && candidate_ + 1 < kCandidates.size() && kCandidates[candidate_] != baud_) ++candidate_;
    baud_ = kCandidates[candidate_];
  }
  ~Serial() override { close(); }

  void open(Listener& listener) override {
    listener_ = &listener;
    timer_ = context_.loop.after(0ns, [this] {
      timer_ = 0;
      start();
    });
  }

  void close() override {
    if (timer_ != 0) context_.loop.cancel(std::exchange(timer_, 0));
    if (stream_) stream_->close();
    port_.reset();
    listener_ = nullptr;
  }

  bool send(Bytes bytes, std::string_view /*to*/) override {
    if (!stream_) return false;
    if (!seven_bits_) return stream_->send(bytes);
    std::vector<std::uint8_t> with_parity(bytes.begin(), bytes.end());
    for (auto& byte : with_parity) {
      byte &= 0x7F;
      if (std::popcount(byte) % 2 != 0) byte |= 0x80;
    }
    return stream_->send(with_parity);
  }

  bool set_lines(int rts, int dtr) override { return port_ && port_->set_lines(rts, dtr); }

  void confirm() override {
    if (!automatic_ || !port_) return;
    automatic_ = false;
    if (timer_ != 0) context_.loop.cancel(std::exchange(timer_, 0));
    if (context_.memory->baud(path_) == baud_) return;
    context_.memory->remember_baud(path_, baud_);
    context_.log.info("tra-baud", "{}: {} baud is right; `baud: {}` saves trying", describe(), baud_, baud_);
  }

  void pause(bool paused) override {
    if (stream_) stream_->pause(paused);
  }
  [[nodiscard]] std::string describe() const override { return "serial " + path_; }

 private:
  void start() {
    const std::string device = resolve_path(path_);
    if (device.empty()) {
      const int error = errno;
      const auto ports = by_id_links({});
      fail(make_reason(
          "open-failed", describe(), "a serial port", errno_text(error),
          ports.empty() ? "is the adapter plugged in?" : "plugged in: " + fmt::format("{}", fmt::join(ports, ", "))));
      return;
    }
    Reason reason;
    port_ = open_serial_port(device, {baud_, rts_, dtr_, lock_}, reason);
    if (!port_) {
      fail(reason);
      return;
    }
    recommend_name(device);
    // The stream gets a descriptor of its own, since the port closes what it has opened.
    runtime::UniqueFd fd{::fcntl(port_->fd(), F_DUPFD_CLOEXEC, 0)};
    if (!fd) {
      const int error = errno;
      port_.reset();
      fail(system_reason("open-failed", describe(), "a file descriptor", error));
      return;
    }
    ByteStream::Handlers handlers;
    handlers.on_bytes = [this](std::span<std::uint8_t> bytes, const Meta& meta) { on_bytes(bytes, meta); };
    handlers.on_end = [this](const Reason& why) {
      port_.reset();
      fail(why);
    };
    stream_ = std::make_unique<ByteStream>(context_, std::move(fd), ByteStream::Type::terminal, describe(),
                                           std::move(handlers));
    if (automatic_) try_rate();
    listener_->on_open();
  }

  void on_bytes(std::span<std::uint8_t> bytes, const Meta& meta) {
    if (seven_bits_)
      for (auto& byte : bytes) byte &= 0x7F;
    listener_->on_bytes(bytes, meta);
  }

  void try_rate() {
    context_.log.debug("tra-baud", "{}: trying {} baud", describe(), baud_);
    timer_ = context_.loop.after(kTrial, [this] {
      timer_ = 0;
      candidate_ = (candidate_ + 1) % kCandidates.size();
      baud_ = kCandidates[candidate_];
      if (port_->set_baud(baud_)) {
        try_rate();
        return;
      }
      const int error = errno;
      stream_->close();
      port_.reset();
      fail(system_reason("vanished", describe(), fmt::format("to change to {} baud", baud_), error));
    });
  }

  /// ttyUSB0 is another adapter after the next reboot; its name by-id is not.
  void recommend_name(const std::string& device) {
    if (path_.rfind("/dev/serial/by-id/", 0) == 0) return;
    const auto links = by_id_links(device);
    if (links.empty() || !context_.memory->first("by-id " + links.front())) return;
    context_.log.warn("tra-serial-name",
                      "{}: expected a name that stays with the adapter, got one that depends on the order of "
                      "plugging in\n  hint  use path: {}",
                      describe(), links.front());
  }

  void fail(const Reason& reason) {
    if (timer_ != 0) context_.loop.cancel(std::exchange(timer_, 0));
    std::exchange(listener_, nullptr)->on_closed(reason, false);
  }

  Context context_;
  std::string path_;
  bool automatic_;
  int baud_;
  bool seven_bits_;
  int rts_;
  int dtr_;
  bool lock_;
  std::size_t candidate_ = 0;
  Listener* listener_ = nullptr;
  runtime::EventLoop::TimerId timer_ = 0;
  std::unique_ptr<SerialPort> port_;
  std::unique_ptr<ByteStream> stream_;
};

}  // namespace

Kind serial_kind() {
  using config::Type;
  return {"serial",
          config::object(
              {config::required("path",
                                config::of(Type::path, "the port; its name in /dev/serial/by-id survives replugging")),
               config::optional("baud", config::of(Type::rate, "speed, or auto: 115200 and 9600 are tried in turn"),
                                "115200"),
               config::optional("format", config::enumeration({"8N1", "7E1"}, "data bits, parity, stop bits"), "8N1"),
               config::optional("rts", config::enumeration({"on", "off", "leave"}, "line RTS while open"), "on"),
               config::optional("dtr", config::enumeration({"on", "off", "leave"}, "line DTR while open"), "on"),
               config::optional("lock", config::boolean("refuse a port that another program has locked"), "true")},
              "a serial port, raw and without flow control"),
          [](const config::Value& options, const Context& context) -> std::unique_ptr<Transport> {
            return std::make_unique<Serial>(options, context);
          }};
}

}  // namespace mesura::transport
