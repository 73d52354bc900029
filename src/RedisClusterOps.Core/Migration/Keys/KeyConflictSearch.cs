using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Keys;

/// <summary>Finds the keys that the owner of a slot and another master hold, and compares both copies as a move does. Only reads.</summary>
internal sealed class KeyConflictSearch(ClusterReader reader, RedisClusterSession session, StopRequest stop)
{
    private const int KeysPerRoundTrip = 500;

    /// <exception cref="RedisOperationException">NodeUnreachable: not every copy could be found.</exception>
    public async Task<IReadOnlyList<RedisKeyConflict>> FindAsync(SlotSituation situation, ClusterNode owner)
    {
        var (view, slot) = (situation.View, situation.Slot);
        var diagnosis = SlotDiagnostician.Diagnose(situation);
        foreach (var end in new[] { owner, diagnosis?.Source, diagnosis?.Target })
        {
            if (end is { IsReachable: false })
                throw SlotRefusal.Unreachable(slot, view, end, "compared");
        }

        var next = diagnosis is null ? null : SlotAdvice.NextOf(diagnosis);
        var conflicts = new List<RedisKeyConflict>();
        var others = view.Masters.Where(node => node.IsReachable && node.Id != owner.Id && situation.KeysOn(node) != 0);
        foreach (var other in others)
        {
            for (var database = 0; database < owner.View!.Databases; database++)
                conflicts.AddRange(await FindAsync(slot, database, owner, other, next).ConfigureAwait(false));
        }

        return conflicts;
    }

    private async Task<IReadOnlyList<RedisKeyConflict>> FindAsync(
        int slot, int database, ClusterNode owner, ClusterNode other, NextAction? next)
    {
        var imports = other.View!.Self.ImportingFrom.ContainsKey(slot);
        var inUse = new SlotSide(await reader.ConnectAsync(owner, database, stop.Abort).ConfigureAwait(false), Asks: false);
        var hidden = new SlotSide(await reader.ConnectAsync(other, database, stop.Abort).ConfigureAwait(false), imports);
        var conflicts = new List<RedisKeyConflict>();
        var keys = await ListAsync(hidden.Connection, slot).ConfigureAwait(false);
        for (var first = 0; first < keys.Count; first += KeysPerRoundTrip)
        {
            var part = keys.Skip(first).Take(KeysPerRoundTrip).ToList();
            // A migrating owner answers ASK for a key that it does not have.
            var found = await KeyCopy.AskAsync(inUse, stop, [.. part.Select(key => RespCommand.Of("EXISTS", key))]).ConfigureAwait(false);
            foreach (var key in part.Where((_, i) => !found[i].IsNull && found[i].Integer > 0))
            {
                stop.ThrowIfRequested();
                if (await CompareAsync(inUse, hidden, key).ConfigureAwait(false) is { } conflict)
                {
                    conflicts.Add(conflict with
                    {
                        Slot = slot,
                        Database = database,
                        InUseOn = owner.Name,
                        OtherOn = other.Name,
                        Next = AdviceOf(next, conflict.IsEqual),
                        Cluster = session,
                    });
                }
            }
        }

        return conflicts;
    }

    private static NextAction? AdviceOf(NextAction? next, bool isEqual) =>
        isEqual || next?.Code is not (NextActionCode.Complete or NextActionCode.Repair) ? next : next with
        {
            OnKeyConflict = KeyConflictAction.KeepInUse,
            Note = "or KeepOther; the value that loses is saved to a file first",
        };

    // Null if one of the copies is gone since the listing.
    private async Task<RedisKeyConflict?> CompareAsync(SlotSide inUse, SlotSide hidden, byte[] key)
    {
        var mine = await KeyCopy.ReadAsync(inUse, key, stop).ConfigureAwait(false);
        if (mine is null)
            return null;
        var conflict = new RedisKeyConflict
        {
            Name = Printable.Quote(key),
            RawName = key,
            Type = mine.Type,
            TimeToLive = mine.TimeToLive,
            Size = SizeOf(mine),
        };
        try
        {
            var theirs = await KeyCopy.ReadAsync(hidden, key, stop).ConfigureAwait(false);
            return theirs is null ? null : conflict with
            {
                OtherType = theirs.Type,
                OtherTimeToLive = theirs.TimeToLive,
                OtherSize = SizeOf(theirs),
                IsEqual = mine.ExpiresWith(theirs)
                    && await KeyValues.AreEqualAsync(inUse, mine, hidden, theirs, key, stop).ConfigureAwait(false),
            };
        }
        catch (RedisServerException redirect) when (ServerErrors.StartsWith(redirect.ServerError, "MOVED "))
        {
            // The node neither owns nor imports the slot. It lists the key, and serves no command on it.
            return conflict;
        }
    }

    private static long? SizeOf(KeyCopy copy) => copy.Memory ?? copy.Dump?.Length;

    private async Task<IReadOnlyList<byte[]>> ListAsync(INodeConnection connection, int slot)
    {
        var count = await connection.SendAsync(RespCommand.Of("CLUSTER", "COUNTKEYSINSLOT", slot), stop.Abort).ConfigureAwait(false);
        if (count.Integer == 0)
            return [];
        // With a margin for keys that arrive meanwhile.
        var most = (int)Math.Min(int.MaxValue, count.Integer * 11 / 10 + 10);
        var listing = RespCommand.Of("CLUSTER", "GETKEYSINSLOT", slot, most);
        return SlotChannel.Keys(await connection.SendAsync(listing, stop.Abort).ConfigureAwait(false));
    }
}
