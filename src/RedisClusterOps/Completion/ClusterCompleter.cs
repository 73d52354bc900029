using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Threading;

namespace RedisClusterOps.Completion;

/// <summary>
/// Completes an argument from what the cluster, or the journal, says now. Somebody waits with a finger on Tab: it is quick or it is nothing,
/// and a failure is nothing too, for a completion has nowhere to say it.
/// </summary>
public abstract class ClusterCompleter : IArgumentCompleter
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1.5);

    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        var word = (wordToComplete ?? string.Empty).Trim('\'', '"');
        try
        {
            return Complete(commandName, word, fakeBoundParameters ?? new Hashtable()).ToList();
        }
        catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException or RuntimeException)
        {
            return [];
        }
    }

    internal abstract IEnumerable<CompletionResult> Complete(string command, string word, IDictionary bound);

    /// <summary>Asks the cluster of the command line: the one that -Cluster names, else the default for it, else the current one. Nothing where there is none.</summary>
    internal static T? Ask<T>(string command, IDictionary bound, Func<RedisCluster, CancellationToken, System.Threading.Tasks.Task<T>> question)
        where T : class
    {
        if (SessionOf(command, bound) is not { } session)
            return null;
        using var limit = new CancellationTokenSource(Patience);
        using var cluster = new RedisCluster(session.With(session.Options with { ConnectTimeout = Patience, CommandTimeout = Patience }))
        {
            NextActionText = NextActionText.Of,
        };
        return question(cluster, limit.Token).GetAwaiter().GetResult();
    }

    /// <summary>The value of a parameter that has been typed already, or that is set as a default.</summary>
    internal static object? Typed(string command, string parameter, IDictionary bound) =>
        bound.Contains(parameter) ? bound[parameter] : DefaultValues.Of(command, parameter);

    internal static CompletionResult Result(string text, string shown, string toolTip) =>
        new(text, shown, CompletionResultType.ParameterValue, toolTip);

    private static RedisClusterSession? SessionOf(string command, IDictionary bound) => Typed(command, "Cluster", bound) is { } named
        ? ((RedisClusterReference)new RedisClusterReferenceAttribute().Transform(null!, named)).Resolve()
        : CurrentSession.Get();
}
