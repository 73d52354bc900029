using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;

namespace RedisClusterOps.Commands;

/// <summary>
/// Restores a value that lost a key conflict and was saved to a file: on the node that serves the key now, with the time that the value
/// has left.
/// </summary>
[Cmdlet(VerbsData.Restore, "RedisKey", SupportsShouldProcess = true)]
[OutputType(typeof(RedisSlotKey))]
public sealed class RestoreRedisKeyCommand : RedisClusterCmdlet
{
    /// <summary>Specifies the files of the saved values. Wildcards are allowed.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("FullName")]
    [SupportsWildcards]
    public string[] Path { get; set; } = [];

    /// <summary>Replaces the key if it exists. Its present value is saved first.</summary>
    [Parameter]
    public SwitchParameter Replace { get; set; }

    /// <summary>
    /// Specifies the folder of the journal, which keeps the value that is replaced. The default is the folder in the environment variable
    /// REDISCLUSTEROPS_JOURNAL, otherwise the user's data folder.
    /// </summary>
    [Parameter]
    public string? JournalPath { get; set; }

    internal override void Run()
    {
        var cluster = Open();
        foreach (var file in Path.SelectMany(Files))
        {
            try
            {
                var plan = Await(cluster.PlanRestoreAsync(file, Replace, Stop), "Reading the cluster");
                var action = plan.Replaced is null ? "Restore" : "Replace (" + plan.Replaced + ")";
                if (ShouldProcess("key " + plan.Name + ", slot " + plan.Slot + ", on " + plan.Node, action + " from " + plan.Path))
                {
                    var restoring = cluster.RestoreKeyAsync(file, Replace, FilePath(JournalPath), Stop);
                    WriteObject(GetRedisSlotKeyCommand.Described(Await(restoring, "Restoring the key")));
                }
            }
            catch (RedisOperationException failure) when (!failure.ConcernsWholeCluster)
            {
                WriteError(ErrorRecords.From(failure, file));
            }
        }
    }

    // A name that exists is no pattern, whatever characters it has.
    private IEnumerable<string> Files(string path)
    {
        var literal = GetUnresolvedProviderPathFromPSPath(path);
        if (File.Exists(literal))
            return [literal];
        try
        {
            return GetResolvedProviderPathFromPSPath(path, out _).Where(File.Exists);
        }
        catch (ItemNotFoundException missing)
        {
            WriteError(missing.ErrorRecord);
            return [];
        }
    }
}
