# Prints PilFixtures.cs: what PIL 9.4 (libjpeg-turbo 2.1.5) makes of small files. Run at development time only:
#   /usr/bin/python3 make_pil_fixtures.py > PilFixtures.cs
import base64, ctypes, io, struct, zlib
from PIL import Image


def noise(n, seed=1):
    """The bytes of PilFixtures.Noise in C#: a 32-bit linear congruential generator, top byte."""
    out = bytearray()
    for _ in range(n):
        seed = (seed * 1664525 + 1013904223) & 0xFFFFFFFF
        out.append(seed >> 24)
    return bytes(out)


def picture(w, h):
    """Smooth colours with an edge and some noise."""
    data = bytearray()
    grain = noise(w * h * 3)
    for y in range(h):
        for x in range(w):
            at = 3 * (y * w + x)
            edge = 70 if (x // 5 + y // 7) % 2 else 0
            data += bytes([min(255, x * 160 // w + edge + grain[at] // 16),
                           min(255, y * 160 // h + edge + grain[at + 1] // 16),
                           min(255, (x + y) * 90 // (w + h) + 70 - edge + grain[at + 2] // 16)])
    return Image.frombytes("RGB", (w, h), bytes(data))


def jpeg(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80, **options)
    return out.getvalue()


def ycck(w, h):
    turbo = ctypes.CDLL("libturbojpeg.so.0")
    turbo.tjInitCompress.restype = ctypes.c_void_p
    size, buffer = ctypes.c_ulong(0), ctypes.c_void_p()
    assert turbo.tjCompress2(ctypes.c_void_p(turbo.tjInitCompress()), smooth(w, h), w, 0, h, 11, ctypes.byref(buffer),
                             ctypes.byref(size), 2, 80, 4096) == 0
    return ctypes.string_at(buffer, size.value)


def smooth(w, h):
    return bytes(v for y in range(h) for x in range(w) for v in (x * 255 // w, y * 255 // h, (x + y) * 255 // (w + h), 255 - x * 128 // w))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def png(w, h, depth, color, before=b"", interlaced=False):
    bits = depth * CHANNELS[color]
    pixel = lambda x, y: noise(8, seed=1 + x + 1000 * y)[:max(1, bits // 8)]

    def rows(xs, ys):
        out = b""
        for y in ys:
            if bits >= 8:
                row = b"".join(pixel(x, y) for x in xs)
            else:
                text = "".join(format(pixel(x, y)[0] >> (8 - bits), "0%db" % bits) for x in xs)
                row = int(text.ljust((len(text) + 7) // 8 * 8, "0"), 2).to_bytes((len(text) + 7) // 8, "big")
            out += b"\0" + row if xs else b""
        return out

    if interlaced:
        passes = [(0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2)]
        data = b"".join(rows(range(x, w, dx), range(y, h, dy)) for x, dx, y, dy in passes)
    else:
        data = rows(range(w), range(h))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, color, 0, 0, int(interlaced))) + before
            + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b""))


exif = Image.Exif()
exif[0x0112] = 6
rgb = picture(21, 17)
plain = jpeg(rgb)
palette = chunk(b"PLTE", noise(3 * 16))
files = [
    ("jpeg 4:2:0", plain),
    ("jpeg 4:2:2", jpeg(rgb, subsampling=1)),
    ("jpeg 4:4:4", jpeg(rgb, subsampling=0)),
    ("jpeg progressive", jpeg(rgb, progressive=True)),
    ("jpeg gray", jpeg(rgb.convert("L"))),
    ("jpeg CMYK", jpeg(Image.frombytes("CMYK", (21, 17), smooth(21, 17)))),
    ("jpeg YCCK", ycck(21, 17)),
    ("jpeg with an EXIF orientation", jpeg(rgb, exif=exif)),
    ("jpeg with bytes before its end marker", plain[:-2] + b"\x11\x22\x33" + plain[-2:]),
    ("jpeg 1x1", jpeg(picture(1, 1))),
    ("png RGB", png(7, 5, 8, 2)),
    ("png RGB interlaced", png(11, 9, 8, 2, interlaced=True)),
    ("png RGB with gamma 1.0", png(7, 5, 8, 2, chunk(b"gAMA", struct.pack(">I", 100000)))),
    ("png RGB with a transparent colour", png(7, 5, 8, 2, chunk(b"tRNS", bytes(6)))),
    ("png RGBA", png(7, 5, 8, 6)),
    ("png RGBA with a background", png(7, 5, 8, 6, chunk(b"bKGD", bytes([0, 255, 0, 0, 0, 255])))),
    ("png gray", png(7, 5, 8, 0)),
    ("png gray and alpha", png(7, 5, 8, 4)),
    ("png gray 1 bit", png(11, 5, 1, 0)),
    ("png gray 2 bits", png(7, 5, 2, 0)),
    ("png gray 4 bits", png(7, 5, 4, 0)),
    ("png palette 4 bits", png(7, 5, 4, 3, palette)),
    ("png palette with alpha", png(7, 5, 4, 3, palette + chunk(b"tRNS", noise(16)))),
    ("png RGB 16 bits", png(7, 5, 16, 2)),
    ("png gray 16 bits", png(7, 5, 16, 0)),
    ("png RGBA 16 bits", png(7, 5, 16, 6)),
    ("png gray and alpha 16 bits", png(7, 5, 16, 4)),
]
resizes = [(13, 9, 7, 5), (7, 5, 13, 9), (16, 16, 5, 11), (5, 4, 5, 9), (5, 4, 9, 4), (1, 1, 3, 2), (9, 7, 1, 1), (40, 30, 6, 4), (33, 2, 4, 7)]

text = lambda data: base64.b64encode(data).decode()
print("""namespace LampQ.Quantization.Tests;

/// <summary>What PIL 9.4 makes of small files. Written by make_pil_fixtures.py; not edited by hand.</summary>
static class PilFixtures
{
    /// <summary>The input of the resize fixtures: the top bytes of x ← 1664525·x + 1013904223 (mod 2³²).</summary>
    internal static byte[] Noise(int count, uint seed = 1)
    {
        var bytes = new byte[count];
        for (var i = 0; i < count; i++) bytes[i] = (byte)((seed = unchecked(seed * 1664525 + 1013904223)) >> 24);
        return bytes;
    }

    /// <summary>Image.open(file).convert("RGB"): name, file, width, height, pixels [height, width, 3].</summary>
    internal static readonly (string Name, string File, int Width, int Height, string Pixels)[] Decoded =
    [""")
for name, data in files:
    image = Image.open(io.BytesIO(data)).convert("RGB")
    print('        ("%s", "%s", %d, %d, "%s"),' % (name, text(data), *image.size, text(image.tobytes())))
print("""    ];

    /// <summary>Image.frombytes("RGB", (w, h), Noise(3·w·h)).resize((toWidth, toHeight), filter).</summary>
    internal static readonly (int Width, int Height, int ToWidth, int ToHeight, int Filter, string Pixels)[] Resized =
    [""")
for w, h, tw, th in resizes:
    for code in range(4):
        out = Image.frombytes("RGB", (w, h), noise(3 * w * h)).resize((tw, th), code)
        print('        (%d, %d, %d, %d, %d, "%s"),' % (w, h, tw, th, code, text(out.tobytes())))
print("    ];\n}")
