using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Topology;
using RedisClusterOps.Journal;
using RedisClusterOps.Pictures;

namespace RedisClusterOps;

/// <content>The cluster to be looked at.</content>
public sealed partial class RedisCluster
{
    /// <summary>Which master holds which slots, drawn for a screen.</summary>
    internal async Task<RedisSlotMap> GetSlotMapAsync(ScreenTraits screen, CancellationToken cancellation) =>
        RedisSlotMap.Of(SlotChart.Of(await _reader.ReadAsync(null, cancellation).ConfigureAwait(false)), screen, _session);

    /// <summary>All that a report tells, of one moment.</summary>
    /// <param name="journalPath">The folder of the journal; null for the user's own. One that can't be read is told of in the report.</param>
    internal async Task<ClusterReport> GetReportAsync(HealthOptions options, string? journalPath, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(ProcessorWatch.Everywhere, cancellation).ConfigureAwait(false);
        var health = await TestAsync(view, options, cancellation).ConfigureAwait(false);
        IReadOnlyList<RedisMigration> runs = [];
        string? trouble = null;
        try
        {
            runs = JournalReader.Read(JournalFolder.At(journalPath)).Where(run => run.NodeIds.Any(node => view.Node(node) is not null)).ToList();
        }
        catch (RedisOperationException unreadable) when (unreadable.Code == FailureCode.JournalUnavailable)
        {
            trouble = unreadable.Message;
        }

        return new ClusterReport(health, SlotChart.Of(view), runs, view.TakenAtUtc, trouble);
    }
}
