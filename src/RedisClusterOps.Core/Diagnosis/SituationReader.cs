using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Topology;

namespace RedisClusterOps.Diagnosis;

/// <summary>Reads who holds how many keys of some slots, and puts it beside the view.</summary>
internal sealed class SituationReader(ClusterReader reader)
{
    /// <summary>Asks every master that answers: a third one may hold keys that nobody expects there.</summary>
    public async Task<IReadOnlyList<SlotSituation>> ReadAsync(ClusterView view, IReadOnlyList<int> slots, CancellationToken cancellation)
    {
        if (slots.Count == 0)
            return [];
        var masters = view.Masters.Where(node => node.IsReachable).ToList();
        var counts = await Task.WhenAll(masters.Select(CountAsync)).ConfigureAwait(false);
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

    // Since it moves slots by itself (8.4) Redis hides keys of a slot that the node neither owns nor imports, and counts none: they
    // are there, and are seen again as soon as it imports. No key counted is not no key there.
    private static bool MayHide(NodeView view, int slot) =>
        view.Facts.Engine == ServerEngine.Redis && view.Facts.IsAtLeast(8, 4)
        && !view.Self.Slots.Contains(slot) && !view.Self.ImportingFrom.ContainsKey(slot);

    /// <summary>The diagnosis of every slot that is not stable; of these the asked ones.</summary>
    public async Task<IReadOnlyList<SlotDiagnosis>> DiagnoseAsync(ClusterView view, IReadOnlyCollection<int>? asked, CancellationToken cancellation)
    {
        var slots = SlotDiagnostician.Suspects(view).Where(slot => asked is null || asked.Contains(slot)).ToList();
        var situations = await ReadAsync(view, slots, cancellation).ConfigureAwait(false);
        return situations.Select(SlotDiagnostician.Diagnose).Where(diagnosis => diagnosis is not null).Select(diagnosis => diagnosis!).ToList();
    }

    /// <summary>The diagnosis of one slot; null where it is stable.</summary>
    public async Task<SlotDiagnosis?> DiagnoseAsync(ClusterView view, int slot, CancellationToken cancellation)
    {
        var found = await DiagnoseAsync(view, [slot], cancellation).ConfigureAwait(false);
        return found.Count > 0 ? found[0] : null;
    }
}
