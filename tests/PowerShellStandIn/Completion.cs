using System.Collections;
using System.Collections.Generic;
using System.Management.Automation.Language;

namespace System.Management.Automation.Language
{
    public class CommandAst;
}

namespace System.Management.Automation
{
    public enum CompletionResultType
    {
        Text = 0,
        ParameterValue = 8,
    }

    public class CompletionResult(string completionText, string listItemText, CompletionResultType resultType, string toolTip)
    {
        public string CompletionText { get; } = completionText;

        public string ListItemText { get; } = listItemText;

        public CompletionResultType ResultType { get; } = resultType;

        public string ToolTip { get; } = toolTip;
    }

    public interface IArgumentCompleter
    {
        IEnumerable<CompletionResult> CompleteArgument(
            string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters);
    }

    [AttributeUsage(AttributeTargets.Property | AttributeTargets.Field)]
    public class ArgumentCompleterAttribute(Type type) : Attribute
    {
        public Type Type { get; } = type;
    }
}
