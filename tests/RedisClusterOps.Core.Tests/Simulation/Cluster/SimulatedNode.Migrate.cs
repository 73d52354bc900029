using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>
/// MIGRATE … KEYS (src/cluster.c): each key is restored on the target, then deleted here. The reply is the first error of the target.
/// </summary>
internal sealed partial class SimulatedNode
{
    private const int OptionsOfMigrate = 6;

    private static IEnumerable<byte[]> KeysOfMigrate(Call call)
    {
        var options = Enumerable.Range(OptionsOfMigrate, Math.Max(0, call.Count - OptionsOfMigrate));
        var first = options.FirstOrDefault(i => call.Word(i) == "KEYS", call.Count);
        for (var i = first + 1; i < call.Count; i++)
            yield return call.Raw(i);
    }

    private RespValue Migrate(Call call)
    {
        var target = _cluster.At(new NodeEndpoint(call.Text(1), (int)call.Number(2)));
        var options = Enumerable.Range(OptionsOfMigrate, call.Count - OptionsOfMigrate).TakeWhile(i => call.Word(i) != "KEYS");
        var replace = options.Any(i => call.Word(i) == "REPLACE");
        var database = (int)call.Number(4);
        var here = KeysOfMigrate(call).Where(key => Keys.Get(call.Database, SlotMap.PartOf(key), SlotMap.Name(key)) is not null).ToList();
        if (here.Count == 0)
            return RespValue.Simple("NOKEY");
        if (target is not { IsUp: true })
            return RespValue.Error("IOERR error or timeout writing to target instance");
        if (target == this)
            return RespValue.Error("IOERR error or timeout reading to target instance");
        var breaks = _cluster.TransferBreaks?.Invoke(this, here.Count);
        string? error = null;
        for (var i = 0; i < here.Count; i++)
        {
            if (i >= breaks)
                return RespValue.Error("IOERR error or timeout reading to target instance");
            var (part, key) = (SlotMap.PartOf(here[i]), SlotMap.Name(here[i]));
            var value = Keys.Get(call.Database, part, key)!;
            var left = value.ExpiresAt is { } at ? Math.Max(1, (long)(at - _cluster.Clock.Now).TotalMilliseconds) : 0;
            object[] restore = ["RESTORE-ASKING", here[i], left, SlotMap.Bytes(value.Text)];
            var reply = target.Do(RespCommand.Of(replace ? [.. restore, "REPLACE"] : restore), new ConnectionState { Database = database });
            if (reply.IsError)
                error ??= "ERR Target instance replied with error: " + reply.Text;
            else if (breaks is null || i < breaks / 2)
                Keys.Remove(call.Database, part, key);
        }

        // If the transfer breaks at the end, every key has arrived, and some are not deleted here.
        if (breaks is not null)
            return RespValue.Error("IOERR error or timeout reading to target instance");
        return error is null ? Ok : RespValue.Error(error);
    }
}
