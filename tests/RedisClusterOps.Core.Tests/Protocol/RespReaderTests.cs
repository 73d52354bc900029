using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using FsCheck;
using FsCheck.Fluent;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Protocol;

public sealed class RespReaderTests
{
    [Theory]
    [InlineData("+OK\r\n", "SimpleString OK")]
    [InlineData("+\r\n", "SimpleString ")]
    [InlineData("-ERR no\r\n", "Error ERR no")]
    [InlineData(":42\r\n", "Integer 42")]
    [InlineData(":-42\r\n", "Integer -42")]
    [InlineData(":+42\r\n", "Integer 42")]
    [InlineData(":9223372036854775807\r\n", "Integer 9223372036854775807")]
    [InlineData(":-9223372036854775808\r\n", "Integer -9223372036854775808")]
    [InlineData("$5\r\nhello\r\n", "BulkString hello")]
    [InlineData("$0\r\n\r\n", "BulkString ")]
    [InlineData("$6\r\n\0\r\n\xFF\r\n\r\n", "BulkString \0\r\n\xFF\r\n")]
    [InlineData("$-1\r\n", "Null")]
    [InlineData("*-1\r\n", "Null")]
    [InlineData("_\r\n", "Null")]
    [InlineData("*0\r\n", "Array[]")]
    [InlineData("*2\r\n:1\r\n*1\r\n$-1\r\n", "Array[Integer 1, Array[Null]]")]
    [InlineData("*3\r\n*0\r\n*0\r\n:1\r\n", "Array[Array[], Array[], Integer 1]")]
    [InlineData("#t\r\n", "Boolean 1")]
    [InlineData("#f\r\n", "Boolean 0")]
    [InlineData(",1.5\r\n", "Double 1.5")]
    [InlineData(",-inf\r\n", "Double -inf")]
    [InlineData(",1e300\r\n", "Double 1e300")]
    [InlineData("(3492890328409238509324850943850943825024385\r\n", "SimpleString 3492890328409238509324850943850943825024385")]
    [InlineData("=8\r\ntxt:a\r\nb\r\n", "BulkString a\r\nb")]
    [InlineData("!7\r\nERR\r\nno\r\n", "Error ERR\r\nno")]
    [InlineData("~2\r\n+a\r\n+b\r\n", "Array[SimpleString a, SimpleString b]")]
    [InlineData("%2\r\n+a\r\n:1\r\n+b\r\n*0\r\n", "Map[SimpleString a, Integer 1, SimpleString b, Array[]]")]
    public async Task Every_type_of_both_protocols_is_read(string raw, string expected)
    {
        Assert.Equal(expected, Bytes.Describe(await Bytes.ReadAsync(raw)));
        Assert.Equal(expected, Bytes.Describe(await Bytes.ReadAsync(Bytes.Of(raw), null, 1)));
    }

    [Theory]
    [InlineData(">2\r\n+message\r\n*1\r\n:1\r\n+OK\r\n", "SimpleString OK")]
    [InlineData(">0\r\n>1\r\n:1\r\n+OK\r\n", "SimpleString OK")]
    [InlineData("|1\r\n+ttl\r\n:3600\r\n+OK\r\n", "SimpleString OK")]
    [InlineData("*2\r\n:1\r\n|1\r\n+ttl\r\n:3600\r\n:2\r\n", "Array[Integer 1, Integer 2]")]
    [InlineData("*1\r\n|0\r\n*1\r\n:2\r\n", "Array[Array[Integer 2]]")]
    public async Task Pushes_and_attributes_are_skipped(string raw, string expected) =>
        Assert.Equal(expected, Bytes.Describe(await Bytes.ReadAsync(raw)));

    [Fact]
    public async Task Replies_that_arrive_together_are_read_one_after_another()
    {
        var reader = new RespReader(new PiecewiseStream(Bytes.Of("+a\r\n$1\r\nb\r\n*1\r\n:3\r\n")), new RespLimits());

        Assert.Equal("SimpleString a", Bytes.Describe(await reader.ReadAsync(CancellationToken.None)));
        Assert.Equal("BulkString b", Bytes.Describe(await reader.ReadAsync(CancellationToken.None)));
        Assert.Equal("Array[Integer 3]", Bytes.Describe(await reader.ReadAsync(CancellationToken.None)));
    }

    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request\r\n", "HTTP/1.1 400")]
    [InlineData("SSH-2.0-OpenSSH_9.2", "SSH-2.0")]
    [InlineData("\x15\x03\x01\0\x02\x02\x46", "connect by TLS")]
    [InlineData("\r\n", "begins with")]
    [InlineData("+OK\rX", "does not end")]
    [InlineData(":\r\n", "reply: :")]
    [InlineData(":-\r\n", ":-")]
    [InlineData(":1x\r\n", ":1x")]
    [InlineData(": 1\r\n", ": 1")]
    [InlineData(":9223372036854775808\r\n", ":9223372036854775808")]
    [InlineData("$-2\r\n", "negative length")]
    [InlineData("*-2\r\n", "negative length")]
    [InlineData("%-1\r\n", "negative length")]
    [InlineData("!-1\r\n", "negative length")]
    [InlineData("$x\r\n", "$x")]
    [InlineData("$\r\n", "$")]
    [InlineData("$3\r\nabcde\r\n", "longer than its length")]
    [InlineData("$?\r\n", "streamed")]
    [InlineData("*?\r\n", "streamed")]
    [InlineData("_x\r\n", "_x")]
    [InlineData("#x\r\n", "#x")]
    [InlineData("#true\r\n", "#true")]
    [InlineData(",abc\r\n", ",abc")]
    [InlineData("(12a\r\n", "(12a")]
    [InlineData("=3\r\nabc\r\n", "verbatim")]
    [InlineData("*1\r\nGET", "GET")]
    public async Task Invalid_bytes_are_rejected_and_shown_in_the_error(string raw, string shown)
    {
        var failure = await Assert.ThrowsAsync<RedisOperationException>(() => Bytes.ReadAsync(raw));

        Assert.Equal(FailureCode.ProtocolError, failure.Code);
        Assert.Contains(shown, failure.Message);
        Assert.DoesNotContain(failure.Message, char.IsControl);
    }

    [Theory]
    [InlineData("")]
    [InlineData("+OK")]
    [InlineData("+OK\r")]
    [InlineData("$5\r\nhel")]
    [InlineData("$5\r\nhello")]
    [InlineData("$5\r\nhello\r")]
    [InlineData("*2\r\n:1\r\n")]
    [InlineData(">1\r\n:1\r\n")]
    public async Task An_incomplete_reply_is_the_end_of_the_stream(string raw) =>
        await Assert.ThrowsAsync<EndOfStreamException>(() => Bytes.ReadAsync(raw));

    [Theory]
    [InlineData("$11\r\n01234567890\r\n", "bytes in one string")]
    [InlineData("*6\r\n", "elements in one reply")]
    [InlineData("%3\r\n", "elements in one reply")]
    [InlineData("*2\r\n*2\r\n:1\r\n:2\r\n*2\r\n:1\r\n:2\r\n", "elements in one reply")]
    [InlineData("*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", "levels of arrays")]
    [InlineData("*5\r\n$9\r\n012345678\r\n$9\r\n012345678\r\n$9\r\n012345678\r\n$9\r\n", "bytes in one reply")]
    [InlineData(">1\r\n$9\r\n012345678\r\n>1\r\n$9\r\n012345678\r\n>1\r\n$9\r\n012345678\r\n", "bytes in one reply")]
    public async Task A_reply_above_the_limits_is_rejected(string raw, string limit)
    {
        var limits = new RespLimits { MaxStringLength = 10, MaxItems = 5, MaxDepth = 3, MaxReplyLength = 50 };

        var failure = await Assert.ThrowsAsync<RedisOperationException>(() => Bytes.ReadAsync(raw, limits));

        Assert.Equal(FailureCode.ReplyTooLarge, failure.Code);
        Assert.Contains("more than", failure.Message);
        Assert.Contains(limit, failure.Message);
    }

    [Fact]
    public async Task The_limits_apply_to_each_reply_separately()
    {
        var limits = new RespLimits { MaxItems = 2, MaxReplyLength = 12 };
        var reader = new RespReader(new PiecewiseStream(Bytes.Of(string.Concat(Enumerable.Repeat("*2\r\n:1\r\n:2\r\n", 3)))), limits);

        for (var i = 0; i < 3; i++)
            Assert.Equal(2, (await reader.ReadAsync(CancellationToken.None)).Items.Count);
    }

    [Theory]
    [InlineData(65_533, true)]
    [InlineData(65_534, false)]
    [InlineData(100_000, false)]
    public async Task The_maximum_length_of_a_line_is_64_KB(int length, bool isRead)
    {
        var reading = Bytes.ReadAsync("+" + new string('a', length) + "\r\n");

        if (isRead)
            Assert.Equal(length, (await reading).Bytes.Length);
        else
            Assert.Contains("bytes in one line", (await Assert.ThrowsAsync<RedisOperationException>(() => reading)).Message);
    }

    [Theory]
    [InlineData("$536870912\r\nabc")]
    [InlineData("*4194304\r\n:1\r\n")]
    [InlineData("%2097152\r\n:1\r\n")]
    public async Task A_claimed_length_allocates_no_memory_before_the_bytes_arrive(string raw)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();

        await Assert.ThrowsAsync<EndOfStreamException>(() => Bytes.ReadAsync(raw));

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 1, 512 * 1024);
    }

    [Fact]
    public async Task A_string_in_many_chunks_is_read_unchanged()
    {
        var payload = new byte[3_000_001];
        new Random(1).NextBytes(payload);
        byte[] raw = [.. Bytes.Of($"*2\r\n${payload.Length}\r\n"), .. payload, .. Bytes.Of("\r\n:7\r\n")];

        var reply = await Bytes.ReadAsync(raw, null, 1, 70_000, 3, 16_384);

        Assert.Equal(payload, reply.Items[0].Bytes);
        Assert.Equal(7, reply.Items[1].Integer);
    }

    [Fact]
    public async Task Endless_nesting_is_rejected_after_a_few_levels() =>
        Assert.Contains(
            "levels",
            (await Assert.ThrowsAsync<RedisOperationException>(() => Bytes.ReadAsync(string.Concat(Enumerable.Repeat("*1\r\n", 100_000)))))
                .Message);

    [Fact]
    public void Any_reply_is_read_back_unchanged_however_it_is_split() =>
        Prop.ForAll(RespArbitraries.Replies, RespArbitraries.Splits, (reply, split) =>
            Bytes.Describe(Bytes.ReadAsync(Bytes.Serialize(reply), null, split).GetAwaiter().GetResult()) == Bytes.Describe(reply))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(500));

    [Fact]
    public void Any_bytes_end_in_a_reply_a_protocol_error_or_the_end_of_the_stream() =>
        Prop.ForAll(RespArbitraries.Noise, RespArbitraries.Splits, (noise, split) => IsOrderly(noise, split))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(3000));

    [Fact]
    public void A_reply_with_one_changed_byte_is_read_or_rejected_cleanly() =>
        Prop.ForAll(RespArbitraries.Replies, RespArbitraries.Places, (reply, place) =>
        {
            var bytes = Bytes.Serialize(reply);
            bytes[place.Index % bytes.Length] = place.Byte;
            return IsOrderly(bytes, []);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));

    private static bool IsOrderly(byte[] bytes, int[] split)
    {
        try
        {
            Bytes.ReadAsync(bytes, null, split).GetAwaiter().GetResult();
            return true;
        }
        catch (RedisOperationException failure)
        {
            return failure.Code is FailureCode.ProtocolError or FailureCode.ReplyTooLarge
                && failure.Message.Length < 300 && !failure.Message.Any(char.IsControl);
        }
        catch (EndOfStreamException)
        {
            return true;
        }
    }

    [Fact]
    public async Task An_idle_reader_holds_no_buffer()
    {
        var readers = new List<RespReader>();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 200; i++)
        {
            readers.Add(new RespReader(new MemoryStream(Bytes.Of("+a\r\n")), new RespLimits()));
            await readers[i].ReadAsync(CancellationToken.None);
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 3_000_000);
    }
}
