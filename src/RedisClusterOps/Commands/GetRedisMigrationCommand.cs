using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>
/// Gets past and current runs of a cluster from the journal: the operation, its progress, its start and last progress, and whether it can
/// be resumed. Without a session it gets the runs of all clusters, and needs none.
/// </summary>
[Cmdlet(VerbsCommon.Get, "RedisMigration")]
[OutputType(typeof(RedisMigration))]
public sealed class GetRedisMigrationCommand : RedisClusterCmdlet
{
    private ISet<string>? _nodes;

    /// <summary>Gets only these runs: an id, or the beginning of one.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(MigrationCompleter))]
    public string[]? Id { get; set; }

    /// <summary>Gets only runs in progress.</summary>
    [Parameter]
    public SwitchParameter Running { get; set; }

    /// <summary>
    /// Gets the runs of all clusters. By default only those of the specified or current cluster are listed; a run that is specified by its
    /// id may belong to any.
    /// </summary>
    [Parameter]
    public SwitchParameter AllClusters { get; set; }

    /// <summary>
    /// Specifies the folder of the journal. The default is the folder in the environment variable REDISCLUSTEROPS_JOURNAL, otherwise the
    /// user's data folder.
    /// </summary>
    [Parameter]
    public string? JournalPath { get; set; }

    internal override void Run()
    {
        var folder = FilePath(JournalPath);
        var session = AllClusters ? null : Id is null ? FindSession() : Cluster?.Resolve();
        if (session is not null)
            _nodes ??= NodesOf(session);
        var written = new HashSet<string>();
        foreach (var id in Id ?? [null!])
        {
            try
            {
                // Two prefixes may match the same run. It is written once.
                foreach (var run in RedisCluster.GetMigrations(folder, id).Where(run => Matches(run) && written.Add(run.Id)))
                    WriteObject(run.Of(session));
            }
            catch (RedisOperationException failure) when (failure.Code == FailureCode.MigrationNotFound)
            {
                WriteError(ErrorRecords.From(failure, id));
            }
        }
    }

    // During an outage the journal is still needed.
    private HashSet<string>? NodesOf(RedisClusterSession session)
    {
        try
        {
            return new HashSet<string>(Await(Open(session).GetNodesAsync(Stop), "Reading the cluster").Select(node => node.Id));
        }
        catch (RedisOperationException failure) when (Cluster is null && failure.Code != FailureCode.Stopped)
        {
            WriteWarning("The runs of all clusters are listed, because the current cluster can't be read: " + failure.Message);
            return null;
        }
    }

    private bool Matches(RedisMigration run) => (!Running || run.IsRunning) && (_nodes is null || run.NodeIds.Any(_nodes.Contains));
}
