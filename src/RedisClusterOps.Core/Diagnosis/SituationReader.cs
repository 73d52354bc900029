using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Diagnosis;

/// <summary>Counts the keys of slots on every master, and combines the counts with the view.</summary>
internal sealed class SituationReader(ClusterReader reader)
{
    /// <summary>Counts on every reachable master, because a third one may hold unexpected keys.</summary>
    public async Task<IReadOnlyList<SlotSituation>> ReadAsync(ClusterView view, IReadOnlyList<int> slots, CancellationToken cancellation)
    {
        if (slots.Count == 0)
            return [];
        var masters = view.Masters.Where(node => node.IsReachable).ToList();
        var counts = await FanOut.AllAsync(masters, CountAsync, cancellation).ConfigureAwait(false);
        return slots.Select((slot, index) => new SlotSituation(view, slot, Keys(index))).ToList();

        async Task<IReadOnlyList<long?>> CountAsync(ClusterNode node)
        {
            var connection = await reader.ConnectAsync(node, cancellation).ConfigureAwait(false);
            var counted = await SlotKeyCounter.CountAsync(connection, node.View!.Databases, slots, cancellation).ConfigureAwait(false);
            return slots.Select((slot, index) => counted[index] == 0 && MayHide(node.View, slot) ? null : counted[index]).ToList();
        }

        Dictionary<string, long?> Keys(int index)
        {
            var keys = new Dictionary<string, long?>();
            for (var i = 0; i < masters.Count; i++)
                keys[masters[i].Id] = counts[i][index];
            return keys;
        }
    }

    /// <summary>Reads one slot, stable or not.</summary>
    public async Task<SlotSituation> ReadAsync(ClusterView view, int slot, CancellationToken cancellation) =>
        (await ReadAsync(view, [slot], cancellation).ConfigureAwait(false))[0];

    // Redis 8.4 and later hides the keys of a slot that the node neither owns nor imports: it counts none until the node imports the slot.
    // So a count of zero does not mean that there is no key.
    private static bool HidesKeys(ServerFacts facts) => facts.Engine == ServerEngine.Redis && facts.IsAtLeast(8, 4);

    private static bool MayHide(NodeView view, int slot) =>
        HidesKeys(view.Facts) && !view.Self.Slots.Contains(slot) && !view.Self.ImportingFrom.ContainsKey(slot);

    /// <summary>
    /// Finds the masters that hold more keys than they count in all their slots, which means that they hide keys. Returns their ids.
    /// </summary>
    public async Task<IReadOnlyCollection<string>> FindHidersAsync(ClusterView view, CancellationToken cancellation)
    {
        var masters = view.Masters.Where(node => node.IsReachable).ToList();
        var hidden = await FanOut.AllAsync(masters, node => HidesAsync(node, cancellation), cancellation).ConfigureAwait(false);
        return masters.Where((_, i) => hidden[i]).Select(node => node.Id).ToList();
    }

    /// <summary>Whether a node holds more keys than it counts in the slots that it owns or imports.</summary>
    public async Task<bool> HidesAsync(ClusterNode node, CancellationToken cancellation)
    {
        if (!HidesKeys(node.View!.Facts))
            return false;
        var shown = SlotSet.From(node.View.Self.Slots.Slots.Concat(node.View.Self.ImportingFrom.Keys));
        if (shown.Count == HashSlot.Count)
            return false;
        var connection = await reader.ConnectAsync(node, cancellation).ConfigureAwait(false);
        // Counted before and after, because clients keep writing. Hidden keys are in both counts.
        var before = await CountAllAsync(connection, cancellation).ConfigureAwait(false);
        if (before == 0)
            return false;
        var slots = shown.Slots.ToList();
        var counts = await SlotKeyCounter.CountAsync(connection, node.View.Databases, slots, cancellation).ConfigureAwait(false);
        var after = await CountAllAsync(connection, cancellation).ConfigureAwait(false);
        return System.Math.Min(before, after) > counts.Sum(count => count ?? 0);
    }

    // A user that may run INFO is not necessarily allowed to run DBSIZE.
    private static async Task<long> CountAllAsync(INodeConnection connection, CancellationToken cancellation)
    {
        var size = await connection.AskAsync(RespCommand.Of("DBSIZE"), cancellation).ConfigureAwait(false);
        if (!size.IsError)
            return size.Integer;
        var keyspace = await connection.SendAsync(RespCommand.Of("INFO", "keyspace"), cancellation).ConfigureAwait(false);
        return ServerFacts.Parse(keyspace.Text).KeyCount ?? 0;
    }

    /// <summary>
    /// Finds by id of the master the slots that it holds keys of and another master owns. Counts every slot on every master.
    /// </summary>
    public async Task<IReadOnlyDictionary<string, SlotSet>> FindStraysAsync(ClusterView view, CancellationToken cancellation)
    {
        var slots = Enumerable.Range(0, HashSlot.Count).ToList();
        var masters = view.Masters.Where(node => node.IsReachable).ToList();
        var strays = await FanOut.AllAsync(masters, FindAsync, cancellation).ConfigureAwait(false);
        return masters.Select((node, i) => (node.Id, Strays: strays[i]))
            .Where(found => found.Strays.Count > 0)
            .ToDictionary(found => found.Id, found => found.Strays);

        async Task<SlotSet> FindAsync(ClusterNode node)
        {
            var connection = await reader.ConnectAsync(node, cancellation).ConfigureAwait(false);
            var counts = await SlotKeyCounter.CountAsync(connection, node.View!.Databases, slots, cancellation).ConfigureAwait(false);
            return SlotSet.From(slots.Where(slot => counts[slot] > 0 && view.OwnerOf(slot) is { } owner && owner != node.Id));
        }
    }

    /// <summary>Diagnoses every slot that is not stable, limited to the slots asked for.</summary>
    public async Task<IReadOnlyList<SlotDiagnosis>> DiagnoseAsync(
        ClusterView view, IReadOnlyCollection<int>? asked, CancellationToken cancellation)
    {
        var slots = SlotDiagnostician.Suspects(view).Where(slot => asked is null || asked.Contains(slot)).ToList();
        var situations = await ReadAsync(view, slots, cancellation).ConfigureAwait(false);
        return situations.Select(SlotDiagnostician.Diagnose).OfType<SlotDiagnosis>().ToList();
    }

    /// <summary>Diagnoses one slot. Returns null if it is stable.</summary>
    public async Task<SlotDiagnosis?> DiagnoseAsync(ClusterView view, int slot, CancellationToken cancellation)
    {
        var found = await DiagnoseAsync(view, [slot], cancellation).ConfigureAwait(false);
        return found.Count > 0 ? found[0] : null;
    }
}

/// <summary>What is known about one slot: the nodes' views, and how many of its keys each master holds.</summary>
/// <param name="View">The cluster.</param>
/// <param name="Slot">0 to 16383.</param>
/// <param name="Keys">
/// The number of keys by id of the master; null if the master does not count them. Masters that did not answer are missing.
/// </param>
internal sealed record SlotSituation(ClusterView View, int Slot, IReadOnlyDictionary<string, long?> Keys)
{
    public IReadOnlyList<OpenFlag> Flags { get; } = View.FlagsOf(Slot).ToList();

    public long? KeysOn(ClusterNode? node) => node is not null && Keys.TryGetValue(node.Id, out var keys) ? keys : null;

    /// <summary>The masters that hold at least one key of the slot.</summary>
    public IEnumerable<ClusterNode> Holders => View.Masters.Where(node => KeysOn(node) > 0);
}
