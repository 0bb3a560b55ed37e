// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "transport/hid_device.hpp"
#include "transport/kinds.hpp"
#include "transport/reason.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

namespace mesura::transport {
namespace {

using namespace std::chrono_literals;

/// "0665", "0x0665"; 0 is no number of anybody's.
std::optional<std::uint16_t> parse_id(std::string_view text) {
  if (text.substr(0, 2) == "0x" || text.substr(0, 2) == "0X") text.remove_prefix(2);
  std::uint16_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id, 16);
  if (text.size() > 4 || error != std::errc{} || end != text.data() + text.size() || id == 0) return std::nullopt;
  return id;
}

std::string text_of(const config::Value& value) { return value ? value.text() : std::string{}; }

/// A USB device of the class HID that carries bytes in reports: one on_bytes each, one send() each.
class Hid final : public Transport {
 public:
  Hid(const config::Value& options, const Context& context)
      : context_(context),
        path_(text_of(options["path"])),
        vendor_(text_of(options["vendor"])),
        product_(text_of(options["product"])),
        usb_path_(text_of(options["usb_path"])),
        report_size_(static_cast<std::size_t>(options["report_size"].integer())),
        gap_(options["report_gap"].duration()) {}
  ~Hid() override { close(); }

  void open(Listener& listener) override {
    listener_ = &listener;
    timer_ = context_.loop.after(0ns, [this] {
      timer_ = 0;
      start();
    });
  }

  void close() override {
    if (timer_ != 0) context_.loop.cancel(std::exchange(timer_, 0));
    open_ = false;
    device_.reset();
    listener_ = nullptr;
  }

  bool send(Bytes bytes, std::string_view /*to*/) override { return open_ && device_->send(bytes); }

  void confirm() override {
    if (open_) context_.memory->remember_hid(place_, true);
  }

  void doubt() override {
    if (open_) context_.memory->remember_hid(place_, false);
  }

  [[nodiscard]] std::string describe() const override {
    if (!path_.empty()) return "hid " + path_;
    std::string out = "hid " + vendor_ + ":" + product_;
    if (!usb_path_.empty()) out += " at " + usb_path_;
    return out;
  }

 private:
  void start() {
    const auto vendor = parse_id(vendor_);
    const auto product = parse_id(product_);
    if (path_.empty() && (!vendor || !product)) {
      const bool none = vendor_.empty() && product_.empty();
      fail(make_reason("open-failed", describe(), "`path`, or `vendor` and `product` in hexadecimal digits",
                       none ? "neither" : fmt::format("'{}' and '{}'", vendor_, product_)));
      return;
    }
    const auto& memory = context_.memory->hid();
    HidWanted wanted{.path = path_,
                     .vendor = vendor.value_or(0),
                     .product = product.value_or(0),
                     .usb_path = usb_path_,
                     .last = memory.path,
                     .prefer_last = memory.right};
    HidDevice::Handlers handlers;
    handlers.on_open = [this](const std::string& path) { on_open(path); };
    handlers.on_report = [this](Bytes report) { on_report(report); };
    handlers.on_end = [this](const Reason& reason) { fail(reason); };
    try {
      device_ = std::make_unique<HidDevice>(context_, std::move(wanted), HidDevice::Options{report_size_, gap_},
                                            describe(), std::move(handlers));
    } catch (const std::system_error& error) {
      fail(make_reason("open-failed", describe(), "a thread to wait for it", error.code().message()));
    }
  }

  void on_open(const std::string& path) {
    // Unless confirm() says that it was the right one, the next opening takes the next candidate.
    context_.memory->remember_hid(path, false);
    place_ = path;
    open_ = true;
    if (path != path_) context_.log.debug("tra-hid", "{}: it is {}", describe(), path);
    listener_->on_open();
  }

  void on_report(Bytes report) {
    if (report.size() > report_size_) {
      ++oversize_;
      if (context_.memory->first("oversize"))
        context_.log.warn("tra-hid-size",
                          "{}: expected reports of {} bytes, got one of {}; further ones are not logged\n  hint  if "
                          "answers stay broken, switch the device off and on: its USB bridge has lost its way",
                          describe(), report_size_, report.size());
    }
    const Meta meta{.received_ns = context_.loop.clock().wall_ns(), .offset = offset_};
    offset_ += report.size();
    listener_->on_bytes(report, meta);
  }

  void fail(const Reason& reason) {
    auto* const listener = listener_;
    if (oversize_ > 0) context_.log.debug("tra-hid-size", "{}: {} reports were too long", describe(), oversize_);
    close();
    listener->on_closed(reason, false);
  }

  Context context_;
  std::string path_;
  std::string vendor_;
  std::string product_;
  std::string usb_path_;
  std::size_t report_size_;
  std::chrono::nanoseconds gap_;
  Listener* listener_ = nullptr;
  runtime::EventLoop::TimerId timer_ = 0;
  std::unique_ptr<HidDevice> device_;
  bool open_ = false;
  std::string place_;  // the path that is open
  std::uint64_t offset_ = 0;
  std::uint64_t oversize_ = 0;
};

}  // namespace

Kind hid_kind() {
  using config::Type;
  return {"hid",
          config::object(
              {config::optional("path", config::of(Type::path,
                                                   "the device, /dev/hidraw0, or a link that udev made to "
                                                   "it; else the first free one of:")),
               config::optional("vendor", config::text("hexadecimal number of its vendor: 0665")),
               config::optional("product", config::text("hexadecimal number of the product: 5161")),
               config::optional("usb_path", config::text("where it is plugged in: 1-1.2 (`lsusb -t`); where several "
                                                         "equal ones are, each opening takes the next")),
               config::optional("report_size", config::integer("bytes of each report", 1, 64), "8"),
               config::optional("report_gap", config::duration("time between two reports that we send", "0s", "1s"),
                                "20ms")},
              "a USB device of the class HID: reports of a fixed size"),
          [](const config::Value& options, const Context& context) -> std::unique_ptr<Transport> {
            return std::make_unique<Hid>(options, context);
          }};
}

}  // namespace mesura::transport
