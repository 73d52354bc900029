using System;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using FsCheck;
using FsCheck.Fluent;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Protocol;

public sealed class RespWriterTests
{
    [Fact]
    public async Task A_command_is_written_as_an_array_of_bulk_strings() =>
        Assert.Equal(
            "*4\r\n$3\r\nSET\r\n$2\r\n\xC3\xA4\r\n$2\r\n17\r\n$0\r\n\r\n",
            Encoding.Latin1.GetString(await WriteAsync(RespCommand.Of("SET", "ä", 17, Array.Empty<byte>()))));

    [Fact]
    public async Task Commands_follow_one_another() =>
        Assert.Equal("*1\r\n$1\r\nA\r\n*1\r\n$1\r\nB\r\n",
            Encoding.Latin1.GetString(await WriteAsync(RespCommand.Of("A"), RespCommand.Of("B"))));

    [Theory]
    [InlineData(16 * 1024 - 20)]
    [InlineData(16 * 1024)]
    [InlineData(16 * 1024 + 1)]
    [InlineData(1_000_000)]
    public async Task An_argument_of_any_size_is_written_whole(int size)
    {
        var value = new byte[size];
        new Random(size).NextBytes(value);

        var written = await Bytes.ReadAsync(await WriteAsync(RespCommand.Of("SET", "k", value, "EX", 1)));

        Assert.Equal(value, written.Items[2].Bytes);
        Assert.Equal(["SET", "k", "EX", "1"], written.Items.Where((_, i) => i != 2).Select(item => item.Text));
    }

    [Fact]
    public void Any_arguments_are_read_back_unchanged() =>
        Prop.ForAll(RespArbitraries.Arguments, arguments =>
        {
            var written = WriteAsync(RespCommand.Of([.. arguments])).GetAwaiter().GetResult();
            return Bytes.ReadAsync(written).GetAwaiter().GetResult().Items.Select(item => item.Bytes)
                .SequenceEqual(arguments, EqualityComparerOfBytes);
        }).QuickCheckThrowOnFailure();

    private static System.Collections.Generic.EqualityComparer<byte[]> EqualityComparerOfBytes { get; } =
        System.Collections.Generic.EqualityComparer<byte[]>.Create((left, right) => left!.SequenceEqual(right!), bytes => bytes.Length);

    private static async Task<byte[]> WriteAsync(params RespCommand[] commands)
    {
        using var stream = new MemoryStream();
        await new RespWriter(stream).WriteAsync(commands, CancellationToken.None);
        return stream.ToArray();
    }
}
