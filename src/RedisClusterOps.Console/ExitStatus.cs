namespace RedisClusterOps.Console;

/// <summary>What rco's exit status means, to scripts and to cron.</summary>
internal static class ExitStatus
{
    /// <summary>Done, or healthy.</summary>
    public const int Done = 0;

    /// <summary>Something was found, or a slot failed, or the work was stopped.</summary>
    public const int Findings = 1;

    /// <summary>The command line is wrong, or no cluster could be read.</summary>
    public const int Usage = 2;

    /// <summary>Ended at once by a second Ctrl+C: 128 and the number of the signal, as shells count.</summary>
    public const int Interrupted = 130;

    public static int Of(RedisOperationException failure) =>
        failure.ConcernsWholeCluster || failure.Code is FailureCode.NodeNotFound or FailureCode.AmbiguousNode ? Usage : Findings;
}
