// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A library to put in place of libhidapi-hidraw.so.0 (by LD_LIBRARY_PATH, or linked before it), whose devices are Unix
// SEQPACKET sockets, one message a report. What uses hidapi then meets virtual devices, such as the transport
// seqpacket_listen serves.
//
//   MESURA_HID_SOCKETS=PATH[@VVVV-PPPP][:PATH...]   the devices; vendor and product are 0665-5161 if not said.
//
// A device is there while a socket is at its path. One whose path ends in ".denied" may not be opened; one that ends in
// ".stale" has some reports waiting from an exchange before.
#include <hidapi/hidapi.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

// The real one's type: opaque to its users.
// NOLINTNEXTLINE(readability-identifier-naming)
struct hid_device_ {
  int fd;
  int stale;
};

namespace {

struct Device {
  std::string path;
  unsigned short vendor = 0x0665;
  unsigned short product = 0x5161;
};

unsigned short hex(std::string_view text) {
  return static_cast<unsigned short>(std::strtoul(std::string{text}.c_str(), nullptr, 16));
}

Device parse(std::string_view item) {
  Device device;
  const std::size_t at = item.rfind('@');
  if (at != std::string_view::npos && item.size() == at + 10) {
    device.vendor = hex(item.substr(at + 1, 4));
    device.product = hex(item.substr(at + 6, 4));
    item = item.substr(0, at);
  }
  device.path = std::string{item};
  return device;
}

std::vector<Device> devices() {
  const char* const variable = std::getenv("MESURA_HID_SOCKETS");
  std::string_view rest = variable == nullptr ? "" : variable;
  std::vector<Device> out;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    auto device = parse(rest.substr(0, end));
    struct stat status {};
    if (::stat(device.path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) out.push_back(std::move(device));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

}  // namespace

extern "C" {

int hid_init(void) { return 0; }
int hid_exit(void) { return 0; }

struct hid_device_info* hid_enumerate(unsigned short vendor_id, unsigned short product_id) {
  hid_device_info* first = nullptr;
  hid_device_info** last = &first;
  for (const auto& device : devices()) {
    if ((vendor_id != 0 && device.vendor != vendor_id) || (product_id != 0 && device.product != product_id)) continue;
    auto* const info = static_cast<hid_device_info*>(std::calloc(1, sizeof(hid_device_info)));
    if (info == nullptr) break;
    info->path = ::strdup(device.path.c_str());
    info->vendor_id = device.vendor;
    info->product_id = device.product;
    *last = info;
    last = &info->next;
  }
  return first;
}

void hid_free_enumeration(struct hid_device_info* devs) {
  while (devs != nullptr) {
    auto* const next = devs->next;
    std::free(devs->path);
    std::free(devs);
    devs = next;
  }
}

hid_device* hid_open_path(const char* path) {
  const std::string_view name{path};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.size() >= sizeof address.sun_path || ends_with(name, ".denied")) {
    errno = ends_with(name, ".denied") ? EACCES : ENAMETOOLONG;
    return nullptr;
  }
  std::memcpy(static_cast<char*>(address.sun_path), path, name.size());
  const int fd = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (fd < 0) return nullptr;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    ::close(fd);
    errno = error;
    return nullptr;
  }
  return new hid_device_{fd, ends_with(name, ".stale") ? 5 : 0};
}

hid_device* hid_open(unsigned short vendor_id, unsigned short product_id, const wchar_t* serial_number) {
  auto* const all = serial_number == nullptr ? hid_enumerate(vendor_id, product_id) : nullptr;
  auto* const device = all == nullptr ? nullptr : hid_open_path(all->path);
  hid_free_enumeration(all);
  return device;
}

int hid_write(hid_device* dev, const unsigned char* data, size_t length) {
  // As the kernel does: the number of the report is no part of it if it is 0.
  if (data == nullptr || length < 2) {
    errno = EINVAL;
    return -1;
  }
  const size_t skip = data[0] == 0 ? 1 : 0;
  const ssize_t n = ::send(dev->fd, data + skip, length - skip, MSG_NOSIGNAL);
  return n < 0 ? -1 : static_cast<int>(length);
}

int hid_read_timeout(hid_device* dev, unsigned char* data, size_t length, int milliseconds) {
  if (dev->stale > 0) {
    --dev->stale;
    std::memcpy(data, "(NAKss\r", std::min<size_t>(length, 8));
    return static_cast<int>(std::min<size_t>(length, 8));
  }
  pollfd state{dev->fd, POLLIN, 0};
  const int ready = ::poll(&state, 1, milliseconds);
  if (ready <= 0) return ready;
  const ssize_t n = ::recv(dev->fd, data, length, MSG_DONTWAIT);
  if (n > 0) return static_cast<int>(n);
  if (n < 0 && errno == EAGAIN) return 0;
  // The other side has gone.
  errno = ENODEV;
  return -1;
}

int hid_read(hid_device* dev, unsigned char* data, size_t length) { return hid_read_timeout(dev, data, length, -1); }
int hid_set_nonblocking(hid_device*, int) { return 0; }

void hid_close(hid_device* dev) {
  if (dev == nullptr) return;
  ::close(dev->fd);
  delete dev;
}

const wchar_t* hid_error(hid_device*) { return L"a virtual device"; }

const struct hid_api_version* hid_version(void) {
  static const hid_api_version version{HID_API_VERSION_MAJOR, HID_API_VERSION_MINOR, HID_API_VERSION_PATCH};
  return &version;
}

const char* hid_version_str(void) { return HID_API_VERSION_STR; }

}  // extern "C"
