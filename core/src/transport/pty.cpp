// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "runtime/unique_fd.hpp"
#include "transport/byte_stream.hpp"
#include "transport/kinds.hpp"
#include "transport/reason.hpp"
#include "transport/terminal.hpp"

#include <fcntl.h>
#include <poll.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

namespace mesura::transport {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using runtime::UniqueFd;

/// The device's end of a serial line: makes a pseudo-terminal that another program opens as its port, at `path`.
///
/// As on a wire, what is sent while nobody has the port open is lost. The only peer, named by `path`, is whoever has it
/// open; noticed when bytes go either way.
class Pty final : public Transport {
 public:
  Pty(const config::Value& options, const Context& context)
      : context_(context),
        path_(options["path"].text()),
        baud_(options["baud"] ? static_cast<int>(options["baud"].integer()) : 0) {}
  ~Pty() override { close(); }

  void open(Listener& listener) override {
    listener_ = &listener;
    timer_ = context_.loop.after(0ns, [this] {
      timer_ = 0;
      start();
    });
  }

  void close() override {
    for (auto* timer : {&timer_, &arrival_})
      if (*timer != 0) context_.loop.cancel(std::exchange(*timer, 0));
    if (stream_) stream_->close();
    remove_link();
    listener_ = nullptr;
  }

  bool send(Bytes bytes, std::string_view /*to*/) override {
    if (!stream_ || stream_->fd() < 0) return false;
    if (!has_reader()) return true;
    // The kernel says nothing when the port is opened: whoever only listens is noticed here, and told of by the loop.
    if (!joined_ && arrival_ == 0)
      arrival_ = context_.loop.after(0ns, [this] {
        arrival_ = 0;
        if (has_reader()) welcome();
      });
    if (!wrong_rate()) return stream_->send(bytes);
    std::vector<std::uint8_t> garbled(bytes.begin(), bytes.end());
    for (auto& byte : garbled) byte = static_cast<std::uint8_t>((byte << 3) ^ (byte >> 2) ^ 0xE5);
    return stream_->send(garbled);
  }

  [[nodiscard]] std::string describe() const override { return "pty " + path_; }

 private:
  void start() {
    UniqueFd master{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)};
    std::array<char, 64> name{};
    if (!master || ::grantpt(master.get()) != 0 || ::unlockpt(master.get()) != 0 ||
        ::ptsname_r(master.get(), name.data(), name.size()) != 0) {
      fail("a pseudo-terminal", errno);
      return;
    }
    device_ = name.data();
    // Raw from the start, or what is sent to a reader that sets nothing comes back as echo. The settings outlive this
    // descriptor, and only after a first one has gone does the master tell whether there is another.
    const UniqueFd slave{::open(device_.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)};
    if (!slave || !make_raw(slave.get(), baud_)) {
      fail("to set the pseudo-terminal up", errno);
      return;
    }
    if (!make_link()) return;

    ByteStream::Handlers handlers;
    handlers.on_bytes = [this](std::span<std::uint8_t> bytes, const Meta& meta) {
      welcome();
      if (listener_ != nullptr) listener_->on_bytes(bytes, meta);
    };
    handlers.on_hang_up = [this] {
      if (std::exchange(joined_, false)) listener_->on_peer(path_, false);
    };
    handlers.on_end = [this](const Reason& reason) { end(reason); };
    stream_ = std::make_unique<ByteStream>(context_, std::move(master), ByteStream::Type::pty_master, describe(),
                                           std::move(handlers));
    listener_->on_open();
  }

  void welcome() {
    if (!std::exchange(joined_, true)) listener_->on_peer(path_, true);
  }

  [[nodiscard]] bool has_reader() const {
    pollfd state{stream_->fd(), 0, 0};
    return ::poll(&state, 1, 0) == 0 || (state.revents & POLLHUP) == 0;
  }

  [[nodiscard]] bool wrong_rate() const {
    termios settings{};
    return baud_ != 0 && ::tcgetattr(stream_->fd(), &settings) == 0 && baud_of(::cfgetospeed(&settings)) != baud_;
  }

  bool make_link() {
    std::error_code error;
    // What a killed predecessor left; anything else is not ours to replace.
    const auto old = fs::read_symlink(path_, error);
    if (!error && old.string().rfind("/dev/pts/", 0) == 0) fs::remove(path_, error);
    fs::create_symlink(device_, path_, error);
    if (!error) return true;
    end(make_reason("open-failed", describe(), "to make a symbolic link there", error.message(),
                    "choose a path that is free, in a folder that may be written"));
    return false;
  }

  void remove_link() {
    std::error_code error;
    if (!device_.empty() && fs::read_symlink(path_, error) == device_) fs::remove(path_, error);
    device_.clear();
  }

  void fail(std::string_view expected, int error) { end(system_reason("open-failed", describe(), expected, error)); }

  void end(const Reason& reason) {
    auto* const listener = listener_;
    close();
    listener->on_closed(reason, false);
  }

  Context context_;
  std::string path_;
  int baud_;
  Listener* listener_ = nullptr;
  runtime::EventLoop::TimerId timer_ = 0;
  runtime::EventLoop::TimerId arrival_ = 0;
  bool joined_ = false;
  std::string device_;
  std::unique_ptr<ByteStream> stream_;
};

}  // namespace

Kind pty_kind() {
  return {"pty",
          config::object(
              {config::required("path", config::of(config::Type::path, "where the port shall appear")),
               config::optional("baud", config::integer("a reader at another speed gets garbage", 300, 4'000'000))},
              "the serving side of a serial port: a pseudo-terminal for other programs"),
          [](const config::Value& options, const Context& context) -> std::unique_ptr<Transport> {
            return std::make_unique<Pty>(options, context);
          }};
}

}  // namespace mesura::transport
