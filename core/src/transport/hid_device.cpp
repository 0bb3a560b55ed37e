// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "transport/hid_device.hpp"

#include "transport/reason.hpp"

#include <fmt/format.h>
#include <hidapi/hidapi.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace mesura::transport {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// How long a closed device may still be read from: the reader looks up so often.
constexpr int kReadTimeoutMs = 50;
constexpr int kMaxDrained = 128;
constexpr std::size_t kMaxWaiting = 128;
/// Reports that the loop has not taken yet: then the reader waits, and the kernel drops the oldest of its own 64.
constexpr std::size_t kMaxReceived = 1024;
constexpr std::size_t kLargestReport = 4096;

/// Paths that are open in this process. hidapi's own calls that look for devices are serialised by it as well: they
/// share a global error text. Never destroyed: threads may outlive main().
class Registry {
 public:
  static Registry& get() {
    static auto* const registry = new Registry;
    return *registry;
  }
  std::mutex& hidapi() { return hidapi_; }

  bool claim(const std::string& path) {
    const std::lock_guard lock{mutex_};
    return states_.emplace(path, State::open).second;
  }
  /// Nobody uses it any more, but its threads are not through.
  void begin_close(const std::string& path) {
    const std::lock_guard lock{mutex_};
    states_[path] = State::closing;
  }
  void release(const std::string& path) {
    {
      const std::lock_guard lock{mutex_};
      states_.erase(path);
    }
    changed_.notify_all();
  }
  /// Waits for those that are being closed.
  void settle() {
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, 2s, [&] {
      return std::none_of(states_.begin(), states_.end(), [](const auto& s) { return s.second == State::closing; });
    });
  }

 private:
  enum class State { open, closing };
  std::mutex hidapi_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, State> states_;
};

std::string hint_for(int error, std::uint16_t vendor) {
  if (error == EACCES || error == EPERM)
    return fmt::format(
        "give the group of the collector's user access: a file /etc/udev/rules.d/70-mesura.rules with the line\n"
        "        KERNEL==\"hidraw*\", ATTRS{{idVendor}}==\"{}\", GROUP=\"plugdev\", MODE=\"0660\"\n"
        "        then run `udevadm control --reload` and plug it in again",
        vendor != 0 ? fmt::format("{:04x}", vendor) : "0665");
  return error == ENOENT ? "is it plugged in and switched on? `lsusb` lists what is there" : "";
}

/// hidraw2 before hidraw10.
bool natural_less(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

std::string topology_of(const std::string& path) {
  std::error_code error;
  const auto device = fs::canonical(fs::path{"/sys/class/hidraw"} / fs::path{path}.filename() / "device", error);
  return usb_topology(error ? path : device.string());
}

std::vector<std::string> candidates(const HidWanted& wanted) {
  std::vector<std::string> paths;
  {
    const std::lock_guard lock{Registry::get().hidapi()};
    auto* const all = ::hid_enumerate(wanted.vendor, wanted.product);
    for (const auto* device = all; device != nullptr; device = device->next) paths.emplace_back(device->path);
    ::hid_free_enumeration(all);
  }
  if (!wanted.usb_path.empty())
    std::erase_if(paths, [&](const std::string& path) { return topology_of(path) != wanted.usb_path; });
  std::sort(paths.begin(), paths.end(), natural_less);
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  const auto next = wanted.prefer_last ? std::find(paths.begin(), paths.end(), wanted.last)
                                       : std::upper_bound(paths.begin(), paths.end(), wanted.last, natural_less);
  if (next != paths.end()) std::rotate(paths.begin(), next, paths.end());
  return paths;
}

}  // namespace

std::string usb_topology(std::string_view path) {
  // An interface is named DEVICE:CONFIGURATION.INTERFACE, a device BUS-PORT.PORT.
  for (std::size_t at = path.size(); at > 0;) {
    const std::size_t slash = path.rfind('/', at - 1);
    const std::size_t begin = slash == std::string_view::npos ? 0 : slash + 1;
    const auto part = path.substr(begin, at - begin);
    const auto device = part.substr(0, part.find(':'));
    const bool is_interface = device.size() < part.size() && device.find('-') != std::string_view::npos &&
                              device.find_first_not_of("0123456789-.") == std::string_view::npos;
    if (is_interface) return std::string{device};
    if (slash == std::string_view::npos) break;
    at = slash;
  }
  return {};
}

struct HidDevice::Shared : std::enable_shared_from_this<Shared> {
  Shared(const Context& c, HidWanted w, Options o, std::string name, Handlers h)
      : wanted(std::move(w)), options(o), what(std::move(name)), handlers(std::move(h)), loop(&c.loop) {}

  // Of the threads.
  void run();
  void read_all();
  void write_all();
  [[nodiscard]] bool open_one(const std::string& candidate);
  void drain() const;
  void end(Reason reason);
  /// Runs `f` on the loop's thread, unless the device was let go by then.
  template <class F>
  void post(F f);
  void hand_over();

  const HidWanted wanted;
  const Options options;
  const std::string what;

  // Loop thread only.
  const Handlers handlers;

  std::mutex mutex;  // of all that follows
  std::condition_variable changed;
  runtime::EventLoop* loop;  // null: let go
  bool ready = false;
  bool ended = false;
  std::deque<std::vector<std::uint8_t>> outgoing;
  std::deque<std::vector<std::uint8_t>> incoming;

  // Of the threads, set before the second one starts.
  ::hid_device* device = nullptr;
  std::string path;
  int error = 0;
};

template <class F>
void HidDevice::Shared::post(F f) {
  const std::lock_guard lock{mutex};
  if (loop == nullptr) return;
  loop->post([self = shared_from_this(), f = std::move(f)] {
    {
      const std::lock_guard inner{self->mutex};
      if (self->loop == nullptr) return;
    }
    f(*self);
  });
}

bool HidDevice::Shared::open_one(const std::string& candidate) {
  auto& registry = Registry::get();
  if (!registry.claim(candidate)) {
    if (error == 0) error = EBUSY;
    return false;
  }
  {
    const std::lock_guard lock{registry.hidapi()};
    errno = 0;
    device = ::hid_open_path(candidate.c_str());
    if (device == nullptr) error = errno != 0 ? errno : EIO;
  }
  if (device == nullptr) {
    registry.release(candidate);
    return false;
  }
  path = candidate;
  return true;
}

/// What an exchange before us has left would be taken for the first answer.
void HidDevice::Shared::drain() const {
  std::array<std::uint8_t, kLargestReport> report{};
  for (int i = 0; i<kMaxDrained&& ::hid_read_timeout(device, report.data(), report.size(), 0)> 0; ++i) {
  }
}

void HidDevice::Shared::end(Reason reason) {
  {
    const std::lock_guard lock{mutex};
    if (std::exchange(ended, true)) return;
  }
  changed.notify_all();
  post([reason = std::move(reason)](const Shared& self) { self.handlers.on_end(reason); });
}

void HidDevice::Shared::run() {
  auto& registry = Registry::get();
  registry.settle();
  std::vector<std::string> paths;
  if (wanted.path.empty()) {
    paths = candidates(wanted);
  } else {
    // A link that udev made leads to a node whose number changes.
    std::error_code failed;
    const auto real = fs::canonical(wanted.path, failed);
    paths.push_back(failed ? wanted.path : real.string());
  }
  const bool opened = std::any_of(paths.begin(), paths.end(), [&](const auto& p) { return open_one(p); });
  if (!opened) {
    if (paths.empty()) error = ENOENT;
    end(make_reason("open-failed", what, "a HID device",
                    error == EBUSY ? "one that this program has open already" : errno_text(error),
                    hint_for(error, wanted.vendor)));
    return;
  }
  drain();
  {
    const std::lock_guard lock{mutex};
    ready = loop != nullptr;
    if (!ready) registry.begin_close(path);
  }
  post([](const Shared& self) { self.handlers.on_open(self.path); });
  // hidapi keeps a text of the latest error for both directions, unguarded. As each direction ends with its first
  // error, none of these texts is ever touched by both at once.
  try {
    std::thread writer{[this] { write_all(); }};
    read_all();
    changed.notify_all();
    writer.join();
  } catch (const std::system_error& failed) {
    end(make_reason("open-failed", what, "a thread to write to it", failed.code().message()));
  }
  ::hid_close(device);
  const std::lock_guard lock{mutex};
  ready = false;
  registry.release(path);
}

void HidDevice::Shared::read_all() {
  std::array<std::uint8_t, kLargestReport> report{};
  for (;;) {
    {
      std::unique_lock lock{mutex};
      changed.wait(lock, [&] { return incoming.size() < kMaxReceived || ended || loop == nullptr; });
      if (ended || loop == nullptr) return;
    }
    errno = 0;
    const int n = ::hid_read_timeout(device, report.data(), report.size(), kReadTimeoutMs);
    if (n == 0 || (n < 0 && errno == EINTR)) continue;
    if (n < 0) {
      // hidapi says nothing of a hang-up.
      end(make_reason("vanished", what, "a connected device", errno_text(errno != 0 ? errno : ENODEV),
                      "unplugged, or switched off?"));
      return;
    }
    Bytes bytes{report.data(), static_cast<std::size_t>(n)};
    // Some stacks put the number of the report, none, in front.
    if (bytes.size() == options.report_size + 1 && bytes[0] == 0) bytes = bytes.subspan(1);
    bool first = false;
    {
      const std::lock_guard lock{mutex};
      first = incoming.empty();
      incoming.emplace_back(bytes.begin(), bytes.end());
    }
    if (first) post([](Shared& self) { self.hand_over(); });
  }
}

void HidDevice::Shared::hand_over() {
  std::deque<std::vector<std::uint8_t>> reports;
  {
    const std::lock_guard lock{mutex};
    reports.swap(incoming);
  }
  changed.notify_all();
  for (const auto& report : reports) {
    {
      const std::lock_guard lock{mutex};
      if (loop == nullptr) return;
    }
    handlers.on_report(report);
  }
}

void HidDevice::Shared::write_all() {
  using Clock = std::chrono::steady_clock;
  auto last = Clock::time_point::min();
  std::vector<std::uint8_t> report;
  for (;;) {
    {
      std::unique_lock lock{mutex};
      const auto over = [&] { return ended || loop == nullptr; };
      changed.wait(lock, [&] { return over() || !outgoing.empty(); });
      if (!over() && last != Clock::time_point::min()) changed.wait_until(lock, last + options.gap, over);
      if (over()) return;
      report = std::move(outgoing.front());
      outgoing.pop_front();
    }
    errno = 0;
    if (::hid_write(device, report.data(), report.size()) < 0) {
      end(make_reason("vanished", what, "a report to be sent", errno_text(errno != 0 ? errno : EIO),
                      "unplugged, or switched off?"));
      return;
    }
    last = Clock::now();
  }
}

HidDevice::HidDevice(const Context& context, HidWanted wanted, Options options, std::string what, Handlers handlers)
    : shared_(std::make_shared<Shared>(context, std::move(wanted), options, std::move(what), std::move(handlers))) {
  std::thread{[shared = shared_] { shared->run(); }}.detach();
}

HidDevice::~HidDevice() {
  {
    const std::lock_guard lock{shared_->mutex};
    shared_->loop = nullptr;
    if (shared_->ready) Registry::get().begin_close(shared_->path);
  }
  shared_->changed.notify_all();
}

bool HidDevice::send(Bytes bytes) {
  if (bytes.empty() || bytes.size() > shared_->options.report_size) return false;
  {
    const std::lock_guard lock{shared_->mutex};
    if (!shared_->ready || shared_->ended || shared_->outgoing.size() >= kMaxWaiting) return false;
    // Number 0: the device has only one kind of report; that byte is not sent.
    std::vector<std::uint8_t> report(1 + shared_->options.report_size);
    std::copy(bytes.begin(), bytes.end(), report.begin() + 1);
    shared_->outgoing.push_back(std::move(report));
  }
  shared_->changed.notify_all();
  return true;
}

}  // namespace mesura::transport
