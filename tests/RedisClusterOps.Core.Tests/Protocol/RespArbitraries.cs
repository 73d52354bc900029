using System.Linq;
using FsCheck;
using FsCheck.Fluent;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Protocol;

/// <summary>Random replies, random bytes, and random ways to split them.</summary>
internal static class RespArbitraries
{
    private static readonly Gen<byte[]> AnyBytes = Gen.Choose(0, 255).Select(number => (byte)number).ArrayOf();

    private static readonly Gen<string> Lines = Gen.Choose(32, 126).Select(number => (char)number).ArrayOf()
        .Select(chars => new string(chars));

    public static Arbitrary<RespValue> Replies { get; } = Gen.Sized(size => Reply(size > 0 ? 3 : 0)).ToArbitrary();

    public static Arbitrary<int[]> Splits { get; } = Gen.Choose(1, 40).NonEmptyListOf().Select(sizes => sizes.ToArray()).ToArbitrary();

    /// <summary>Half random bytes, half random tokens of the protocol, which reach deeper into the parser.</summary>
    public static Arbitrary<byte[]> Noise { get; } = Gen.OneOf(
        AnyBytes,
        Gen.Elements("+", "-", ":", "$", "*", "%", "~", "|", ">", "_", "#", ",", "(", "!", "=", "\r\n", "\r\n", "\r\n", "\r", "\n", "-1",
            "0", "1", "2", "99999999999", "a", "t", "?", "\0")
            .ArrayOf().Select(pieces => Bytes.Of(string.Concat(pieces)))).ToArbitrary();

    public static Arbitrary<(int Index, byte Byte)> Places { get; } = Gen.Choose(0, 1000)
        .SelectMany(index => Gen.Choose(0, 255).Select(number => (index, (byte)number))).ToArbitrary();

    public static Arbitrary<byte[][]> Arguments { get; } = AnyBytes.NonEmptyListOf().Select(list => list.ToArray()).ToArbitrary();

    private static Gen<RespValue> Reply(int depth)
    {
        var leaf = Gen.OneOf(
            Gen.Constant(RespValue.Null),
            Lines.Select(RespValue.Simple),
            Lines.Select(RespValue.Error),
            AnyBytes.Select(RespValue.Bulk),
            ArbMap.Default.GeneratorFor<long>().Select(RespValue.Number),
            ArbMap.Default.GeneratorFor<bool>().Select(RespValue.Bool),
            Gen.Elements("0", "-1.25", "1e9", "inf", "nan").Select(RespValue.Double));
        if (depth == 0)
            return leaf;
        var items = Reply(depth - 1).ArrayOf(4);
        return Gen.OneOf(leaf, leaf, items.Select(RespValue.Array), items.Select(RespValue.Map), Gen.Constant(RespValue.Array([])));
    }
}
