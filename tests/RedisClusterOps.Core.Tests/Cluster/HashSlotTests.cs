using System.Linq;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using RedisClusterOps.Cluster;
using Xunit;

namespace RedisClusterOps.Core.Tests.Cluster;

public sealed class HashSlotTests
{
    [Theory]
    [InlineData("123456789", 0x31C3)] // the check value of CRC16 in the cluster specification
    [InlineData("", 0)]
    [InlineData("foo", 12182)]
    [InlineData("bar", 5061)]
    [InlineData("hello", 866)]
    public void A_key_has_the_same_slot_as_on_the_servers(string key, int slot) => Assert.Equal(slot, HashSlot.Of(Key(key)));

    [Theory]
    [InlineData("{user1000}.following", "user1000")]
    [InlineData("foo{{bar}}zap", "{bar")]
    [InlineData("foo{bar}{zap}", "bar")]
    [InlineData("a}b{c}", "c")]
    [InlineData("{\0\xFF}", "\0\xFF")]
    public void Only_the_part_between_the_first_brace_and_the_next_closing_one_is_hashed(string key, string tag)
    {
        Assert.Equal(Key(tag), HashSlot.TagOf(Key(key)));
        Assert.Equal(HashSlot.Of(Key(tag)), HashSlot.Of(Key(key)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("foo")]
    [InlineData("foo{}{bar}")]
    [InlineData("foo{bar")]
    [InlineData("foo}bar{")]
    [InlineData("{")]
    [InlineData("{}")]
    public void Without_a_whole_tag_the_whole_key_is_hashed(string key)
    {
        Assert.Null(HashSlot.TagOf(Key(key)));
        Assert.Equal(BitwiseCrc16(Key(key)) % 16384, HashSlot.Of(Key(key)));
    }

    [Fact]
    public void The_slot_of_any_key_without_a_brace_matches_a_bitwise_CRC16() =>
        Prop.ForAll<byte[]>(bytes =>
        {
            var key = bytes.Where(b => b != '{').ToArray();
            return HashSlot.Of(key) == BitwiseCrc16(key) % 16384;
        }).QuickCheckThrowOnFailure();

    // The definition: polynomial 1021, initial value 0, not reflected.
    private static int BitwiseCrc16(byte[] bytes)
    {
        var crc = 0;
        foreach (var b in bytes)
        {
            crc ^= b << 8;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc << 1) ^ ((crc & 0x8000) != 0 ? 0x11021 : 0);
        }

        return crc;
    }

    private static byte[] Key(string latin1) => Encoding.Latin1.GetBytes(latin1);
}
