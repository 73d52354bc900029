using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;

namespace RedisClusterOps.Core.Tests.Fuzz;

/// <summary>Makes random inputs by changing those of the corpus. The same seed makes the same inputs.</summary>
internal sealed class Mutator(IReadOnlyList<byte[]> corpus, int seed)
{
    // Longer inputs take more time and find no more faults.
    private const int MaxLength = 16 * 1024;

    private static readonly byte[][] Pieces = [.. new[]
    {
        "\r\n", "\n", "\r", "\0", "\x1b[2J", "\x1b]0;x\a", "\u0085", " ", ",", ":", "=", "@", "-", "[", "]", "{", "}", "\"", "\\u0000",
        "\\ud800", "/", "%", "%00", "%zz", "://",
        "0", "-1", "1", "16383", "16384", "65536", "2147483647", "2147483648", "9223372036854775807", "9223372036854775808",
        "-9223372036854775808", "99999999999999999999", "1e999", "NaN",
        "*1\r\n", "$-1\r\n", "%1\r\n", "~2\r\n", ">1\r\n", "|1\r\n", "_\r\n", "*-1\r\n", "*4194304\r\n", "$536870912\r\n", "[1->-",
        "[1-<-", "0-16383", "myself,", "password=", "user=",
        "{\"__type\":\"System.Diagnostics.Process\",", "[[[[[[[[[[[[[[[[[[[[",
        "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":", "null", "true", "\"slot\":", "\"slots\":\"0-16383\",",
    }.Select(Encoding.Latin1.GetBytes)];

    private readonly Random _random = new(seed);

    public byte[] Next()
    {
        var input = Any(corpus).ToList();
        for (var changes = 1 + _random.Next(6); changes > 0; changes--)
            Change(input);
        return input.Count > MaxLength ? [.. input.Take(MaxLength)] : [.. input];
    }

    private void Change(List<byte> input)
    {
        var at = _random.Next(input.Count + 1);
        var length = Math.Min(input.Count - at, 1 + _random.Next(_random.Next(2) == 0 ? 4 : 64));
        switch (_random.Next(8))
        {
            case 0 when at < input.Count:
                input[at] = (byte)_random.Next(256);
                break;
            case 1 when at < input.Count:
                input[at] ^= (byte)(1 << _random.Next(8));
                break;
            case 2:
                input.RemoveRange(at, length);
                break;
            case 3:
                input.RemoveRange(at, input.Count - at);
                break;
            case 4 when input.Count < MaxLength:
                input.InsertRange(_random.Next(input.Count + 1), input.GetRange(at, length));
                break;
            case 5:
                var other = Any(corpus);
                var from = _random.Next(other.Length + 1);
                input.InsertRange(at, other[from..Math.Min(other.Length, from + 1 + _random.Next(200))]);
                break;
            default:
                input.InsertRange(at, Any(Pieces));
                break;
        }
    }

    private T Any<T>(IReadOnlyList<T> all) => all[_random.Next(all.Count)];
}
