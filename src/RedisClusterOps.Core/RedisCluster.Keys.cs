using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration;
using RedisClusterOps.Migration.Keys;

namespace RedisClusterOps;

/// <content>Keys that both nodes of an open slot hold, and values that such a conflict saved.</content>
public sealed partial class RedisCluster
{
    /// <summary>Finds every key of a slot that its owner and another master hold, and compares both copies. Changes nothing.</summary>
    /// <param name="slot">0 to 16383.</param>
    /// <param name="cancellation">Cancels the operation.</param>
    /// <exception cref="RedisOperationException">SlotNotOwned; NodeUnreachable: an end of the slot can't be read.</exception>
    public async Task<IReadOnlyList<RedisKeyConflict>> GetKeyConflictsAsync(int slot, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        var owner = OwnerOf(view, slot);
        var situation = await _situations.ReadAsync(view, slot, cancellation).ConfigureAwait(false);
        using var stop = new StopRequest(_reader.Clock, cancellation);
        var found = await new KeyConflictSearch(_reader, _session, stop).FindAsync(situation, owner).ConfigureAwait(false);
        return found.Select(conflict => conflict with { Advice = TextOf(conflict.Next) }).ToList();
    }

    /// <summary>Reads a value that a conflict saved, and finds the node that serves its key now. Changes nothing.</summary>
    /// <param name="path">The file.</param>
    /// <param name="replaces">True if an existing key may be replaced.</param>
    /// <param name="cancellation">Cancels the operation.</param>
    /// <exception cref="RedisOperationException">SavedValueUnusable; KeyExistsOnTarget: the key exists, and may not be replaced;
    /// SlotNotOwned.</exception>
    public async Task<KeyRestorePlan> PlanRestoreAsync(string path, bool replaces, CancellationToken cancellation)
    {
        using var stop = new StopRequest(_reader.Clock, cancellation);
        var restore = await RestoreOfAsync(path, replaces, null, stop, cancellation).ConfigureAwait(false);
        return await restore.PlanAsync().ConfigureAwait(false);
    }

    /// <summary>Restores a value that a conflict saved, with the time that it has left, on the node that serves its key now.</summary>
    /// <param name="path">The file.</param>
    /// <param name="replaces">True to replace an existing key. Its value is saved first.</param>
    /// <param name="journalPath">The folder for the replaced value; null for the user's default.</param>
    /// <param name="cancellation">Cancels the operation.</param>
    /// <exception cref="RedisOperationException">
    /// SavedValueUnusable, KeyExistsOnTarget or SlotNotOwned. The key is unchanged.
    /// </exception>
    public async Task<RedisSlotKey> RestoreKeyAsync(string path, bool replaces, string? journalPath, CancellationToken cancellation)
    {
        using var stop = new StopRequest(_reader.Clock, cancellation);
        var restore = await RestoreOfAsync(path, replaces, journalPath, stop, cancellation).ConfigureAwait(false);
        var (node, key) = await restore.RunAsync().ConfigureAwait(false);
        // Its type and size come from the server: they prove that the value is there.
        var described = await new SlotKeyReader(_reader, _session).DescribeAsync(node, [key], cancellation).ConfigureAwait(false);
        return described.Count > 0 ? described[0] : key;
    }

    private async Task<KeyRestore> RestoreOfAsync(
        string path, bool replaces, string? journalPath, StopRequest stop, CancellationToken cancellation)
    {
        var saved = await SavedValue.ReadAsync(path, cancellation).ConfigureAwait(false);
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        return new KeyRestore(_reader, view, OwnerOf, saved, replaces, stop)
        {
            JournalPath = journalPath,
            Session = _session,
            Log = _log,
        };
    }
}
