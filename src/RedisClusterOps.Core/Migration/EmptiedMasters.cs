using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Journal;
using RedisClusterOps.Topology;

namespace RedisClusterOps.Migration;

/// <summary>Keeps masters that an undo takes the last slot from as masters: that is what they were before the move.</summary>
/// <param name="kept">Ids of nodes whose setting an interrupted run changed and did not restore.</param>
internal sealed class EmptiedMasters(ClusterReader reader, ClusterView view, IReadOnlyList<SlotPair> pairs, IReadOnlyCollection<string> kept, RunJournal? journal, OperationLog? log)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly HashSet<string> _kept = new(kept, StringComparer.Ordinal);

    /// <summary>Keeps them from turning into replicas. The journal records each node before its setting is changed.</summary>
    public async Task KeepAsync(StopRequest stop)
    {
        var setting = new ReplicaMigrationSetting(reader, log, stop);
        foreach (var source in pairs.GroupBy(pair => pair.Source.Id).Where(IsEmptied).Select(given => given.First()))
        {
            if (await setting.TrySuppressAsync(source.Source, RecordOf(source.Slots[0].Slot)).ConfigureAwait(false))
                _kept.Add(source.Source.Id);
        }
    }

    /// <summary>Restores what was changed, also after a stop.</summary>
    public async Task LetFollowAsync(Protocol.IClock clock)
    {
        using var limit = new CancellationTokenSource(Patience);
        using var stop = new StopRequest(clock, limit.Token);
        foreach (var node in _kept.Select(view.Node).Where(node => node is { IsReachable: true }))
        {
            try
            {
                var slot = pairs.FirstOrDefault(pair => pair.Source.Id == node!.Id && pair.Slots.Count > 0) ?? pairs.FirstOrDefault(pair => pair.Slots.Count > 0);
                await new ReplicaMigrationSetting(reader, log, stop).TryRestoreAsync(node!, slot is null ? null : RecordOf(slot.Slots[0].Slot)).ConfigureAwait(false);
            }
            catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException)
            {
                log?.Warning(null, node!.Name + " was left with " + Planning.KeepMaster.Setting + " no: " + failure.Message);
            }
        }
    }

    private SettingRecord? RecordOf(int slot) => journal is null ? null : new SettingRecord(
        node => journal.Kept(slot, node),
        node =>
        {
            if (journal.Unkept(slot, node) is { } warning)
                log?.Warning(null, warning);
        });

    private bool IsEmptied(IGrouping<string, SlotPair> given) =>
        view.SlotsOf(given.Key).Slots.All(new HashSet<int>(given.SelectMany(pair => pair.Slots).Select(slot => slot.Slot)).Contains);
}
