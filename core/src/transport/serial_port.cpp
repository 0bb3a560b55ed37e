// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "transport/serial_port.hpp"

#include "runtime/unique_fd.hpp"
#include "transport/directory.hpp"
#include "transport/port_holders.hpp"
#include "transport/reason.hpp"
#include "transport/terminal.hpp"

#include <fcntl.h>
#include <grp.h>
#include <libserialport.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <filesystem>

namespace mesura::transport {
namespace {

namespace fs = std::filesystem;
using runtime::UniqueFd;

/// libserialport answers every call on a pseudo-terminal with an error, since it has no modem lines.
class PseudoTerminal final : public SerialPort {
 public:
  explicit PseudoTerminal(UniqueFd fd) : fd_(std::move(fd)) {}
  [[nodiscard]] int fd() const override { return fd_.get(); }
  bool set_baud(int baud) override { return make_raw(fd_.get(), baud); }
  bool set_lines(int /*rts*/, int /*dtr*/) override { return false; }

 private:
  UniqueFd fd_;
};

class RealPort final : public SerialPort {
 public:
  /// `locked` holds the lock: it was opened before libserialport touched the settings of what may be another's port.
  RealPort(sp_port* port, UniqueFd locked) : port_(port), locked_(std::move(locked)) {}
  ~RealPort() override {
    sp_close(port_);
    sp_free_port(port_);
  }
  RealPort(const RealPort&) = delete;
  RealPort& operator=(const RealPort&) = delete;

  [[nodiscard]] int fd() const override {
    int fd = -1;
    sp_get_port_handle(port_, &fd);
    return fd;
  }
  bool set_baud(int baud) override { return sp_set_baudrate(port_, baud) == SP_OK; }
  bool set_lines(int rts, int dtr) override {
    const bool rts_done = rts < 0 || sp_set_rts(port_, rts == 0 ? SP_RTS_OFF : SP_RTS_ON) == SP_OK;
    const bool dtr_done = dtr < 0 || sp_set_dtr(port_, dtr == 0 ? SP_DTR_OFF : SP_DTR_ON) == SP_OK;
    return rts_done && dtr_done;
  }
  [[nodiscard]] bool set_frame() {
    return sp_set_bits(port_, 8) == SP_OK && sp_set_parity(port_, SP_PARITY_NONE) == SP_OK &&
           sp_set_stopbits(port_, 1) == SP_OK && sp_set_flowcontrol(port_, SP_FLOWCONTROL_NONE) == SP_OK;
  }

 private:
  sp_port* port_;
  UniqueFd locked_;
};

std::string join(const std::vector<std::string>& parts) {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : ", ") + part;
  return out;
}

std::string open_hint(const std::string& device, int error) {
  if (error == EACCES) {
    struct stat status {};
    std::array<char, 4096> buffer{};
    group entry{};
    group* found = nullptr;
    std::string name = "dialout";
    if (::stat(device.c_str(), &status) == 0 && status.st_gid != 0 &&
        ::getgrgid_r(status.st_gid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
      name = found->gr_name;
    return "add the user to group " + name + ": `sudo usermod -aG " + name + " USER`, then log in again";
  }
  if (error == ENOENT) {
    const auto ports = by_id_links({});
    return ports.empty() ? "no serial adapter is plugged in" : "plugged in: " + join(ports);
  }
  if (error == EBUSY) return "another program has it for itself: `fuser -v " + device + "` names it";
  return {};
}

Reason open_failure(const std::string& device, std::string_view expected, int error) {
  return make_reason("open-failed", "serial " + device, expected, errno_text(error), open_hint(device, error));
}

/// "pid 1234 (minicom)" for those who have `device` open, as far as we may look into them.
std::string holders(const std::string& device) {
  std::vector<std::string> found;
  for (const auto& holder : port_holders(device)) {
    // One of ours is the one by which the lock was asked for.
    if (holder.pid != ::getpid())
      found.push_back(holder.text());
    else if (holder.descriptors > 1)
      found.emplace_back("this process, for another device");
  }
  return found.empty() ? "a process that we may not look into" : join(found);
}

std::unique_ptr<SerialPort> open_real(const std::string& device, const SerialSettings& settings, UniqueFd locked,
                                      Reason& reason) {
  const auto failed = [&](std::string_view what) {
    reason = open_failure(device, what, sp_last_error_code());
    return nullptr;
  };
  sp_port* port = nullptr;
  if (sp_get_port_by_name(device.c_str(), &port) != SP_OK) return failed("a serial port");
  if (sp_open(port, SP_MODE_READ_WRITE) != SP_OK) {
    const int error = sp_last_error_code();
    sp_free_port(port);
    reason = open_failure(device, "to open", error);
    return nullptr;
  }
  auto opened = std::make_unique<RealPort>(port, std::move(locked));
  if (!opened->set_frame()) return failed("8N1 without flow control");
  if (!opened->set_baud(settings.baud)) return failed(std::to_string(settings.baud) + " baud");
  if (!opened->set_lines(settings.rts, settings.dtr)) return failed("to set RTS and DTR");
  sp_flush(port, SP_BUF_INPUT);
  return opened;
}

}  // namespace

std::unique_ptr<SerialPort> open_serial_port(const std::string& device, const SerialSettings& settings,
                                             Reason& reason) {
  UniqueFd fd{::open(device.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)};
  if (!fd) {
    reason = open_failure(device, "to open", errno);
    return nullptr;
  }
  if (settings.lock && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    reason = make_reason("locked", "serial " + device, "a port that nobody uses", "a lock held by " + holders(device),
                         "stop that program, or let it share the data (`relay`)");
    return nullptr;
  }
  if (device.rfind("/dev/pts/", 0) != 0) return open_real(device, settings, std::move(fd), reason);

  auto port = std::make_unique<PseudoTerminal>(std::move(fd));
  if (!port->set_baud(settings.baud)) {
    reason = open_failure(device, std::to_string(settings.baud) + " baud", errno);
    return nullptr;
  }
  ::tcflush(port->fd(), TCIFLUSH);
  return port;
}

std::string resolve_path(const std::string& path) {
  std::array<char, PATH_MAX> buffer{};
  return ::realpath(path.c_str(), buffer.data()) == nullptr ? std::string{} : buffer.data();
}

std::vector<std::string> by_id_links(const std::string& device) {
  std::vector<std::string> links;
  for_each_entry("/dev/serial/by-id", [&](const fs::path& link) {
    if (device.empty() || resolve_path(link) == device) links.push_back(link);
  });
  return links;
}

}  // namespace mesura::transport
